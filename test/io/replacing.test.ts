// A saved file takes the old one's place at once and in every respect.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, expect, it} from 'vitest';
import {load} from '../../lib/index.ts';
import {runChild} from '../support/child.ts';
import {skipFor} from '../support/skip.ts';
import {build, weightsOf} from '../support/small-model.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-replacing-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

function folder(name: string): string {
  const made = path.join(root, name);
  mkdirSync(made);
  return made;
}

const needsUnix = process.platform === 'win32' ? 'Windows has no such modes, links and limits' : undefined;

it('leaves nothing beside it', async () => {
  const place = folder('beside');
  const file = path.join(place, 'model.chainrule');
  for (let repeat = 0; repeat < 3; repeat++) await build({}, repeat).save(file);
  expect(readdirSync(place)).toEqual(['model.chainrule']);
  expect(weightsOf(await load(file))).toEqual(weightsOf(build({}, 2)));
});

it('a folder in its place is an error and stays', async () => {
  const place = folder('occupied');
  mkdirSync(path.join(place, 'model.chainrule'));
  await expect(build().save(path.join(place, 'model.chainrule'))).rejects.toMatchObject({
    code: 'ERR_FILE',
    message: expect.stringMatching(/^save: .*model\.chainrule: EISDIR/),
  });
  expect(readdirSync(place)).toEqual(['model.chainrule']);
});

it('is one of several that are saved to one path at once', async () => {
  const place = folder('together');
  const file = path.join(place, 'model.chainrule');
  const models = Array.from({length: 8}, (_, seed) => build({}, seed));
  await Promise.all(models.map(model => model.save(file)));
  expect(readdirSync(place)).toEqual(['model.chainrule']);
  expect(models.map(weightsOf)).toContainEqual(weightsOf(await load(file)));
});

it('is read by those who read the old one, and through the same link', async context => {
  skipFor(needsUnix, context);
  const place = folder('link');
  const [file, link] = [path.join(place, 'real'), path.join(place, 'link')];
  const secret = build({}, 5);
  await build().save(file);
  chmodSync(file, 0o600);
  symlinkSync(file, link);
  await secret.save(link);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(weightsOf(await load(file))).toEqual(weightsOf(secret));
});

/** A Node whose files cannot grow beyond `blocks` of 512 bytes or, on some shells, 1024. */
function limitedNode(place: string, blocks: number): string {
  const file = path.join(place, 'node');
  writeFileSync(file, `#!/bin/sh\nulimit -f ${blocks}\nexec "${process.execPath}" "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

it('a write that fails half-way leaves the old file and nothing else', async context => {
  skipFor(needsUnix, context);
  const place = folder('limited');
  const file = path.join(place, 'model.chainrule');
  await build().save(file);
  const old = readFileSync(file);
  const source = `
    const {layers, load, sequential} = chainrule;
    const large = sequential([layers.dense({units: 300, inputShape: [300]})]);
    const error = await large.save(${JSON.stringify(file)}).catch(cause => cause);
    console.log(error?.code, error?.message);
    console.log((await load(${JSON.stringify(file)})).inputShape);`;
  const {stdout, stderr} = await runChild(source, {node: limitedNode(folder('limited-node'), 64)});
  expect(stdout, stderr).toMatch(/^ERR_FILE save: .*EFBIG.*\n\[ 6 \]\n$/);
  expect(readdirSync(place)).toEqual(['model.chainrule']);
  expect(readFileSync(file)).toEqual(old);
});
