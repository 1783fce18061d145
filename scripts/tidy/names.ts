// Names that mirror each other in both languages, and words that do not belong in a committed file.
import {lineAt, type SourceFile, type Violation} from './files.ts';

/** Files of lib/ops that have no kernel, with the reason. */
const opsWithoutKernel = [
  'axes',
  'blocks',
  'checkpoint',
  'index',
  'composite',
  'draws',
  'einsum',
  'equation',
  'elementwise',
  'fourier',
  'gradient',
  'masked-softmax',
  'math',
  'resize',
  'sample-image',
  'scan',
  'segments',
  'spatial',
];
/** Files of native/kernels that have no op: the table of contents, and what several kernels share. */
const kernelsWithoutOp = [
  'all',
  'axis_runs',
  'attention_grad',
  'attention_shape',
  'broadcast',
  'centered_sums',
  'conv_block',
  'conv_depthwise',
  'conv_depthwise_kernel',
  'conv_depthwise_pixels',
  'conv_depthwise_rows',
  'conv_depthwise_tile',
  'conv_grid',
  'conv_lines',
  'conv_pairs',
  'conv_shape',
  'conv_spread',
  'conv_spread_shape',
  'conv_tile',
  'conv_windows',
  'conv_winograd',
  'conv_winograd_kernel',
  'conv_winograd_shape',
  'convert',
  'gemm_batches',
  'gemm_bfloat16',
  'gemm_block',
  'gemm_epilogue',
  'gemm_few_rows',
  'gemm_grid',
  'gemm_integers',
  'gemm_pack',
  'gemm_prefetch',
  'gemm_product',
  'gemm_rows',
  'gemm_tile',
  'gemm_transposed',
  'gemm_transposing_tile',
  'kernel_list',
  'lines_ahead',
  'map_chain',
  'map_types',
  'operands',
  'recurrent_step',
  'reduce_columns',
  'reduce_join',
  'row_updates',
  'scatter_join',
  'scatter_sum',
  'update_rules',
  'view',
];

export function checkNames(files: readonly SourceFile[]): Violation[] {
  return [...checkTwins(files), ...files.flatMap(checkFileName), ...files.flatMap(checkWords)];
}

function stems(
  files: readonly SourceFile[],
  pattern: RegExp,
  without: readonly string[],
): Map<string, string> {
  const found = files.map(file => ({file: file.path, stem: pattern.exec(file.path)?.[1] ?? ''}));
  return new Map(
    found.filter(({stem}) => stem && !without.includes(stem)).map(({file, stem}) => [stem, file]),
  );
}

function checkTwins(files: readonly SourceFile[]): Violation[] {
  const ops = stems(files, /^lib\/ops\/([^/]+)\.ts$/, opsWithoutKernel);
  const kernels = stems(files, /^native\/kernels\/([^/]+)\.h$/, kernelsWithoutOp);
  if (ops.size === 0 || kernels.size === 0) return [];
  const missing = (
    from: Map<string, string>,
    other: Map<string, string>,
    twin: (stem: string) => string,
  ): Violation[] =>
    [...from]
      .filter(([stem]) => !other.has(stem))
      .map(([stem, file]) => ({file, line: 1, what: `has no twin ${twin(stem)}`}));
  return [
    ...missing(ops, kernels, stem => `native/kernels/${stem}.h`),
    ...missing(kernels, ops, stem => `lib/ops/${stem}.ts`),
  ];
}

function checkFileName({path}: SourceFile): Violation[] {
  const name = path.split('/').at(-1) ?? '';
  const kebab = /^[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z]+)?\.ts$/;
  const snake = /^[a-z][a-z0-9_]*\.(h|cc|def|map)$/;
  if (path.startsWith('lib/') && !kebab.test(name))
    return [{file: path, line: 1, what: 'names are lower-case words, joined by hyphens'}];
  if (path.startsWith('native/') && !snake.test(name))
    return [{file: path, line: 1, what: 'names are lower-case words, joined by underscores'}];
  return [];
}

// Written in pieces, so that this file does not find itself.
const machinePath = new RegExp(
  `(?<![\\w.~$})*])/(${['work', 'home', 'root', 'tmp/bash_jobs'].join('|')})/`,
  'g',
);
const openEnd = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`, 'g');
const silentTest = new RegExp(`\\b(it|test|describe)\\.(${['skip', 'only', 'todo'].join('|')})\\(`, 'g');

function checkWords({path, text}: SourceFile): Violation[] {
  const find = (pattern: RegExp, what: string): Violation[] =>
    [...text.matchAll(pattern)].map(match => ({
      file: path,
      line: lineAt(text, match.index),
      what: `${what}: ${match[0]}`,
    }));
  return [
    ...find(machinePath, 'a path of one machine'),
    ...find(openEnd, 'an open end belongs in an issue'),
    ...find(silentTest, 'a test that does not run, or keeps others from running'),
  ];
}
