// What a file is that is no model of chainrule: formats of other libraries, and files by mistake.
import type {ByteSource} from './source.ts';

const enough = 2 ** 16;

/** Formats that begin with bytes of their own. */
const magic: readonly (readonly [start: string, what: string])[] = [
  ['\x89HDF\r\n', 'an HDF5 file, as Keras saves .h5 and .weights.h5'],
  ['PK\x03\x04', 'a zip file, as Keras saves .keras and PyTorch .pt'],
  ['\x80\x02', 'a pickle of Python, as old versions of PyTorch save'],
  ['GGUF', 'a GGUF file'],
  ['\x93NUMPY', 'an array of NumPy (.npy)'],
  ['\x1f\x8b', 'compressed by gzip; unpack it first'],
  ['version https://git-lfs', 'a pointer of Git LFS; `git lfs pull` gets the file itself'],
];

/** Texts by what stands in them. */
const texts: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    /"modelTopology"|"weightsManifest"|"format"\s*:\s*"(layers|graph)-model"/,
    'a model of TensorFlow.js (model.json); make the layers here and set their weights by model.setWeights',
  ],
  [/^\s*\{"kind":"(sequential|model)"/, 'a description as toJSON gives it; modelFromJSON(text) reads it'],
  [/"class_name"\s*:/, 'a description by Keras (to_json); make the layers here'],
  [/^\s*<(!doctype|html)/i, 'a page of HTML: perhaps the answer of a server that did not find the file'],
  [/^\s*[[{]/, 'JSON text'],
];

// Text has no control characters but tabs, line ends and the like.
const isText = (text: string): boolean =>
  ![...text].some(letter => letter < '\t' || (letter > '\r' && letter < ' '));

/** A name for what the bytes are, if they are known. */
export async function recognize(source: ByteSource): Promise<string | undefined> {
  const head = new Uint8Array(Math.min(source.size, enough));
  await source.read(head, 0);
  const raw = Buffer.from(head).toString('latin1');
  const known = magic.find(([start]) => raw.startsWith(start));
  if (known) return known[1];
  if (raw === '' || !isText(raw)) return undefined;
  return texts.find(([pattern]) => pattern.test(raw))?.[1] ?? 'a text file';
}
