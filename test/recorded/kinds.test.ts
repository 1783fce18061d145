// Every layer is compared with what another library computes: here by its kind, with the files that hold it.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, it} from 'vitest';
import {layers} from '../../lib/index.ts';

/** All layers named in a recorded file, also those within others. */
function kindsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(kindsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, own]) =>
    (name === 'kind' || name === 'layer') && typeof own === 'string' ? [own] : kindsIn(own),
  );
}

const recorded = ['augmentation', 'images', 'layers', 'text'].flatMap(folder =>
  readdirSync(path.join(import.meta.dirname, folder)).flatMap(file =>
    kindsIn(JSON.parse(readFileSync(path.join(import.meta.dirname, folder, file), 'utf8'))),
  ),
);

const random =
  'What it drops or adds is drawn by our generator: dropout.test.ts holds its shares and moments';
/** Layers that are held elsewhere, or have nothing to be compared with. */
const elsewhere: Readonly<Record<string, string>> = {
  transformerDecoder: 'sequences.test.ts, PyTorch',
  transformerEncoder: 'sequences.test.ts, PyTorch',
  embeddingBag: 'sequences.test.ts, PyTorch',
  thresholdedReLU: 'tfjs-layers/layers.test.ts: Keras 3 has none',
  tokenizer: 'nn/layers/tokenizer.test.ts, the package @huggingface/tokenizers',
  bytePairTokenizer: 'nn/layers/tokenizer.test.ts, the package @huggingface/tokenizers',
  wordPieceTokenizer: 'nn/layers/tokenizer.test.ts, the package @huggingface/tokenizers',
  ...{alphaDropout: random, dropout: random, gaussianDropout: random, gaussianNoise: random},
  ...{spatialDropout1d: random, spatialDropout2d: random, spatialDropout3d: random},
  checkpoint: 'It has the bits of the layer within: nn/layers/checkpoint.test.ts',
  inputLayer: 'It gives its input',
  lambda: 'It is a function of one’s own',
};

it('every layer is recorded, or held elsewhere', () => {
  const names = new Set(recorded.map(name => name.toLowerCase()));
  const here = Object.keys(layers).filter(name => name !== 'leakyReLU');
  const absent = here.filter(name => !names.has(name.toLowerCase()));
  expect(absent.sort()).toEqual(Object.keys(elsewhere).sort());
});
