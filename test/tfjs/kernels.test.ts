// Every kernel of tfjs's cpu backend is here: by a rule, by the parts of complex numbers, or handed over for
// a reason that code and documentation give alike.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {withoutRule, withoutRuleFor} from '../../lib/tfjs/handed-over.ts';
import {backendName} from '../../lib/tfjs/index.ts';
import {isNative} from '../../lib/tfjs/kernel.ts';
import {cpuKernels, tf} from '../../lib/tfjs/packages.ts';

const names = cpuKernels().map(({kernelName}) => kernelName);

/**
 * The rows of the table of docs/tfjs.md that begins with this heading: each kernel with its row's first cell.
 */
function tableOf(heading: string): [string, string][] {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/tfjs.md'), 'utf8');
  const [, table = ''] = page.split(`| ${heading} | kernels |\n| --- | --- |\n`);
  const rows = table.split('\n\n')[0]?.split('\n') ?? [];
  return rows.flatMap(row => {
    const [, why = '', kernels = ''] = row.split('|').map(cell => cell.trim());
    return kernels.split(', ').map((name): [string, string] => [name, why]);
  });
}

const sorted = (rows: Iterable<readonly [string, string]>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

describe('kernels', () => {
  test('are those of the cpu backend, each once: native or handed over', () => {
    expect(names).toHaveLength(172);
    expect(
      tf
        .getKernelsForBackend(backendName)
        .map(({kernelName}) => kernelName)
        .sort(),
    ).toEqual([...names].sort());
    const odd = names.filter(name => isNative(name) === withoutRule.has(name));
    expect(odd).toEqual([]);
    expect([...withoutRule.keys()].filter(name => !names.includes(name))).toEqual([]);
    expect([...withoutRuleFor.keys()].filter(name => !isNative(name))).toEqual([]);
  });

  test('without a rule are 13, as the changelog says', () => {
    expect(withoutRule.size).toBe(13);
  });

  test('that tfjs computes are listed in the documentation with the same reason', () => {
    expect(sorted(tableOf('reason'))).toEqual(sorted(withoutRule));
    expect(sorted(tableOf('operands'))).toEqual(sorted(withoutRuleFor));
  });
});
