// Scopes: the part of a model that what is being built belongs to, e.g. `encoder/dense_3`.
import {fail} from './errors.ts';

let open = '';

/** The path of the scopes now open. */
export function currentScope(): string {
  return open;
}

function inScope<Result>(scope: string, build: () => Result): Result {
  const saved = open;
  open = scope;
  try {
    return build();
  } finally {
    open = saved;
  }
}

/** Runs `build` with every op in it marked as belonging to `name`. */
export function withScope<Result>(name: string, build: () => Result): Result {
  return inScope(open === '' ? name : `${open}/${name}`, build);
}

/** Runs `build` in the scope of an earlier call: gradients belong where their op belongs. */
export function inScopeOf<Result>({scope}: {readonly scope: string}, build: () => Result): Result {
  return inScope(scope, build);
}

/** `matmul: … in encoder/dense_3.` */
export function failIn(op: string, code: 'ERR_SHAPE' | 'ERR_DTYPE' | 'ERR_VALUE', message: string): never {
  const scope = currentScope();
  fail(code, `${op}: ${message}${scope === '' ? '' : ` in ${scope}`}.`);
}
