// How the files that Node runs are cut: one that every program reads, and others that are read once something
// in them is used. To parse all takes longer than to train XOR, and few programs use a fourth of it.
import type {Plugin} from 'rolldown';

interface Chunk {
  readonly name: string;
  /** Of files in lib. */
  readonly files: RegExp;
  /** Some of them that a first small model needs, or that are used where `main` is loaded. */
  readonly but?: RegExp;
}

const chunks: readonly Chunk[] = [
  {name: 'backend', files: /^tfjs\//},
  {name: 'layers', files: /^nn\/layers\//, but: /\/(index|dense)\.ts$/},
  {name: 'layers', files: /^nn\/(ahead-layer|hashes|streaming|token-counts|vocabulary)\.ts$/},
  {name: 'metrics', files: /^nn\/metrics\//},
  {
    name: 'optimizers',
    files: /^optim\//,
    but: /\/(adam|clipping|hyperparameters|index|optimizer|options|own|rate|resolve|schedules?)\.ts$/,
  },
  {
    name: 'ops',
    files: /^ops\//,
    // Those that the compiler rewrites, and what nearly every graph is made of.
    but: /\/(axes|check|conv|el\w+|g\w+|index(ing)?|map|move|optimizer|program|r(an|ec|ed)\w+|softmax)\.ts$/,
  },
  // What few graphs have: loops, and parts that are made again.
  {name: 'compiler', files: /^compile\/(batching-rules|hoist|listing|loops|sink|straighten)\.ts$/},
  {name: 'compiler', files: /^graph\/\w+-gradient\.ts$/},
  {name: 'losses', files: /^nn\/losses\//, but: /\/(crossentropy|loss|margin|regression)\.ts$/},
  {name: 'data', files: /^data\//, but: /\/(arrays|dataset|index|order)\.ts$/},
  {name: 'files', files: /^io\//},
  {name: 'callbacks', files: /^train\/callbacks\//, but: /\/(index|known-logs|list)\.ts$/},
  {name: 'actions', files: /^train\/actions\//, but: /\/(base-model|minimize|model-graph)\.ts$/},
  {name: 'actions', files: /^train\/(network\/nested|run\/(failures|match-weights))\.ts$/},
  {
    name: 'actions',
    files: /^train\/(feed\/sample-weights|fit\/checkpoint|step\/(recorder|sparse-tables))\.ts$/,
  },
  {name: 'data', files: /^train\/feed\/(batch-blocks|dataset-source)\.ts$/},
];

/** The chunk of a module; none for the entries, which are files of their own. */
export function chunkOf(id: string): string | null {
  const file = /[\\/]lib[\\/](.+)$/.exec(id)?.[1]?.replaceAll('\\', '/');
  if (file === undefined) return id.includes('rolldown/runtime') ? 'main' : null;
  if (/^((tfjs\/)?index\.ts|tfjs-)/.test(file)) return null;
  return chunks.find(({files, but}) => files.test(file) && !but?.test(file))?.name ?? 'main';
}

/** What every process has read anyway. */
const atOnce = /\/main\b|^node:(fs|path|url|util)$/;

/** Code of CommonJS that requires what it requires when a member of it is first used. */
export function requiringLater(code: string): string {
  const required = code.matchAll(/^(?:const|let) ([\w$]+) = require\((["'])([^"']+)\2\);$/gm);
  let rewritten = code;
  for (const [line, name = '', , file = ''] of required) {
    const pattern = `(?<![\\w$./])${name.replaceAll('$', '\\$&')}(?![\\w$])`;
    const uses = new RegExp(`${pattern}(\\.)?`, 'g');
    // `new later().Member()` would make an object of what reads the file.
    const made = new RegExp(`\\bnew (${pattern}(?:\\.[\\w$]+)+)`, 'g');
    const [, ...others] = code.matchAll(uses);
    if (atOnce.test(file) || others.some(([, dot]) => dot === undefined)) continue;
    const later = `let ${name}_read; const ${name} = () => (${name}_read ??= require("${file}"));`;
    rewritten = rewritten
      .replace(made, 'new ($1)')
      .replace(uses, (use, dot?: string) => (dot ? `${name}().` : use))
      .replace(line, () => later);
  }
  return rewritten;
}

const getter = new RegExp(
  String.raw`Object\.defineProperty\(exports, (["'])([\w$]+)\1, \{\s+enumerable: true,\s+` +
    String.raw`get: function ?\(\) \{\s+return ([\w$]+);\s+\}\s+\}\);`,
  'g',
);

/** Code of CommonJS that exports by value what nothing is assigned to: getters take longer. */
export function exportingValues(code: string): string {
  const declared = code.matchAll(/^(?:const|class|(?:async )?function\*?) ([\w$]+)/gm);
  const fixed = new Set(Array.from(declared, ([, name]) => name));
  return code.replace(getter, (all, _quote, name: string, own: string) =>
    fixed.has(own) ? `exports.${name} = ${own};` : all,
  );
}

/** The same code in ASCII: V8 reads a text of one byte a character sooner. */
export const inAscii = (code: string): string =>
  code.replace(/[^\0-\x7f]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Entries require at once: what they export is what the program asked for. */
export const readLater: Plugin = {
  name: 'read-later',
  renderChunk: (code, {isEntry}) => ({
    code: inAscii(isEntry ? code : exportingValues(requiringLater(code))),
  }),
};
