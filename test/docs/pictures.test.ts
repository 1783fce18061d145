// The pictures of the documentation are those that the library makes now.
import fs from 'node:fs';
import path from 'node:path';
import {expect, it} from 'vitest';
import {makePictures} from '../../scripts/pictures.ts';

const folder = path.resolve(import.meta.dirname, '../../docs/pictures');

it('npm run pictures would change nothing', async () => {
  const made = await makePictures();
  expect(fs.readdirSync(folder).sort()).toEqual([...made.keys()].sort());
  for (const [name, svg] of made) expect(svg, name).toBe(fs.readFileSync(path.join(folder, name), 'utf8'));
  const page = fs.readFileSync(path.join(folder, '../backpropagation.md'), 'utf8');
  for (const name of made.keys()) expect(page).toContain(`pictures/${name}`);
});
