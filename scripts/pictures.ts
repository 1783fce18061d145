// `npm run pictures`: remakes the pictures of docs/backpropagation.md, each of what the library computed.
import fs from 'node:fs';
import path from 'node:path';
import {drawDepth} from './pictures/depth.ts';
import {drawGradientGraph} from './pictures/gradient-graph.ts';
import {drawLossCurve} from './pictures/loss-curve.ts';
import {drawWorkedStep} from './pictures/worked-step.ts';

const folder = path.resolve(import.meta.dirname, '../docs/pictures');

const pictures: Readonly<Record<string, () => string | Promise<string>>> = {
  'worked-step.svg': drawWorkedStep,
  'gradient-graph.svg': drawGradientGraph,
  'loss-curve.svg': drawLossCurve,
  'gradient-norms.svg': drawDepth,
};

/** Each picture as text, by the name of its file. */
export async function makePictures(): Promise<Map<string, string>> {
  const made = new Map<string, string>();
  for (const [name, draw] of Object.entries(pictures)) made.set(name, await draw());
  return made;
}

if (import.meta.filename === process.argv[1]) {
  fs.mkdirSync(folder, {recursive: true});
  for (const [name, svg] of await makePictures()) {
    fs.writeFileSync(path.join(folder, name), svg);
    console.log(`docs/pictures/${name}`);
  }
}
