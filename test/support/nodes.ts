// Other versions of Node, for what depends on the engine: those that CHAINRULE_NODES names (separated by
// commas or colons), and those that npm has put into node_modules or, for `npm run test:deep`, into
// build/nodes.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

function candidates(): string[] {
  const named = (process.env.CHAINRULE_NODES ?? '').split(/[,:]/).filter(Boolean);
  const below = (folder: string, rest: string): string[] => {
    const entries = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
    return entries.map(name => path.join(folder, name, rest));
  };
  const packages = below(path.join(root, 'node_modules'), 'bin/node').filter(file =>
    /node-linux-[\w-]+\/bin\/node$/.test(file),
  );
  const name = `node-linux-${process.arch}`;
  return [...named, ...packages, ...below(path.join(root, 'build/nodes'), `node_modules/${name}/bin/node`)];
}

function versionOf(node: string): string | undefined {
  try {
    return execFileSync(node, ['-p', 'process.versions.node'], {encoding: 'utf8'}).trim();
  } catch {
    return undefined;
  }
}

export interface Node {
  readonly version: string;
  readonly file: string;
}

/** The Node of the tests first, then one of each other version that is found. */
export function findNodes(): Node[] {
  const found = new Map([[process.versions.node, process.execPath]]);
  for (const file of candidates()) {
    const version = fs.existsSync(file) ? versionOf(file) : undefined;
    if (version !== undefined && !found.has(version)) found.set(version, file);
  }
  return [...found].map(([version, file]) => ({version, file}));
}
