// A second copy of the library in a process says so; the same file loaded anew does not.
import {copyFileSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect, test} from 'vitest';
import {bundleFile} from '../support/bundle.ts';
import {runChild} from '../support/child.ts';

test('two copies in one process', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-copy-'));
  const other = path.join(folder, 'copy.mjs');
  copyFileSync(bundleFile, other);
  const copy = JSON.stringify(pathToFileURL(other).href);
  const {stderr} = await runChild(`await import(${copy});`);
  expect(stderr).toContain('[CHAINRULE_COPIES] ChainruleWarning: two copies of chainrule are loaded, ');
  expect(stderr).toContain(bundleFile);
  expect(stderr).toContain(other);
  expect((await runChild("await import(library + '?again');")).stderr).toBe('');
  rmSync(folder, {recursive: true});
});
