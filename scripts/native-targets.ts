// What binding.gyp compiles, for builds of other kinds: with sanitizers, for another processor, of a copy.
import fs from 'node:fs';
import path from 'node:path';
import {runInNewContext} from 'node:vm';
import {root} from './bootstrap.mjs';

export interface Target {
  readonly target_name: string;
  readonly sources: readonly string[];
  readonly cflags_cc?: readonly string[];
}

/** All targets for an architecture as Node names it. */
export function nativeTargets(arch: string = process.arch): Target[] {
  const text = fs.readFileSync(path.join(root, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '');
  const gyp = runInNewContext(`(${text})`) as {
    targets: Target[];
    conditions: [string, {targets: Target[]}][];
  };
  const conditions = gyp.conditions.filter(([when]) => when === `target_arch=="${arch}"`);
  return [...gyp.targets, ...conditions.flatMap(([, more]) => more.targets)];
}

/** The instruction set that a target compiles the kernels for; undefined if it compiles something else. */
export const isaOf = ({target_name}: Target): string | undefined => /^isa_(\w+)$/.exec(target_name)?.[1];

/** Flags of a target that choose instructions. */
export const instructionFlags = ({cflags_cc = []}: Target): string[] =>
  cflags_cc.filter(flag => flag.startsWith('-m'));

/** A source in place of the kernels of an instruction set that will not run: the table that is linked. */
export const emptyTable = (isa: string): string => `#include "plan.h"
namespace chainrule {
extern const KernelTable kernels_${isa};
const KernelTable kernels_${isa} = {"${isa}", nullptr, 0, nullptr, 0};
}
`;
