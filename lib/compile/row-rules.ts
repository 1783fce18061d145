// The update of a table whose gradient is that of a gather becomes one of what arrives at the rows that were
// read: no gradient as large as the table is made. Bits stay the same, unless only those rows are to be
// updated.
import {at} from '../core/lists.ts';
import {match} from '../core/operands.ts';
import {sameShape} from '../core/shape.ts';
import {apply, Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {finiteOp} from '../ops/check.ts';
import {scatterAddOp} from '../ops/indexing.ts';
import type {UpdateAttributes} from '../ops/optimizer.ts';
import * as optimizer from '../ops/optimizer.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';
import {uniformValue} from './simplify-rules.ts';

type RowUpdate = Op<{readonly group: number; readonly all: boolean}>;

const byRows: ReadonlyMap<unknown, RowUpdate> = new Map<unknown, RowUpdate>([
  [optimizer.sgdOp, optimizer.sgdRowsOp],
  [optimizer.momentumOp, optimizer.momentumRowsOp],
  [optimizer.adagradOp, optimizer.adagradRowsOp],
  [optimizer.adamOp, optimizer.adamRowsOp],
  [optimizer.lionOp, optimizer.lionRowsOp],
]);

/** What arrives at rows, and whether others are to stay as they are. */
interface Rows {
  readonly indices: Tensor;
  readonly updates: Tensor;
  readonly sparse: boolean;
}

function rowsOf(gradient: Tensor): Rows | undefined {
  const given = match(gradient, scatterAddOp);
  if (given?.axis !== 0 || given.batchDims !== 0 || uniformValue(given.x) !== 0) return undefined;
  const {indices, updates, sparse = false} = given;
  return {indices, updates, sparse};
}

/** The segments of an update: operands, and the places of their results. */
function segmentsOf(call: Call) {
  const {groups} = call.attributes as UpdateAttributes;
  const width = (call.inputs.length - 1) / groups.length;
  return groups.map((group, index) => ({
    group,
    inputs: call.inputs.slice(1 + index * width, 1 + (index + 1) * width),
    results: Array.from({length: width - 1}, (_, result) => index * (width - 1) + result),
  }));
}

type Segment = ReturnType<typeof segmentsOf>[number];

class RowRules {
  readonly #users: ReadonlyMap<Tensor, readonly Call[]>;
  readonly #written: ReadonlySet<Tensor>;
  readonly #all: boolean;

  constructor(roots: Roots, all: boolean) {
    this.#users = usersOf(callsOf(tensorsOf(roots)));
    this.#written = new Set(roots.updates.map(([, value]) => value));
    this.#all = all;
  }

  #usersOf(tensor: Tensor): readonly Call[] {
    return this.#users.get(tensor) ?? [];
  }

  /** What arrives at a segment's rows, if it is updated in place, and nothing else reads its gradient. */
  rowsOf(call: Call, {inputs, results}: Segment): Rows | undefined {
    const {decays, averages, pauses} = call.attributes as UpdateAttributes;
    if (!byRows.has(call.op) || decays || averages || pauses) return undefined;
    const [parameter, gradient] = inputs;
    const rows = gradient && rowsOf(gradient);
    if (!rows || !parameter || !sameShape(parameter.shape, gradient.shape)) return undefined;
    const isOwn = this.#usersOf(gradient).every(user => user === call || user.op === finiteOp);
    const isWritten = results.every(index => {
      const result = call.outputs[index];
      return result && this.#written.has(result) && this.#usersOf(result).length === 0;
    });
    return isOwn && isWritten && (this.#all || rows.sparse) ? rows : undefined;
  }

  update(call: Call, replaced: (tensor: Tensor) => Tensor): readonly Tensor[] | undefined {
    const op = byRows.get(call.op);
    if (!op) return undefined;
    const segments = segmentsOf(call).map(segment => ({...segment, rows: this.rowsOf(call, segment)}));
    if (!segments.some(({rows}) => rows)) return undefined;
    const hyper = replaced(call.operand);
    const made = new Map<number, Tensor>();
    for (const {group, inputs, results, rows} of segments) {
      if (!rows) continue;
      const read = [at(inputs, 0), rows.indices, rows.updates, ...inputs.slice(2)].map(replaced);
      const {outputs} = new Call(op, [hyper, ...read], {group, all: !rows.sparse}, call.scope);
      results.forEach((index, place) => void made.set(index, at(outputs, place)));
    }
    const rest = segments.filter(({rows}) => !rows);
    if (rest.length > 0) {
      const read = rest.flatMap(({inputs}) => inputs.map(replaced));
      const own = {...call.attributes, groups: rest.map(({group}) => group)};
      const {outputs} = new Call(call.op, [hyper, ...read], own, call.scope);
      const places = rest.flatMap(({results}) => results);
      places.forEach((index, place) => void made.set(index, at(outputs, place)));
    }
    return call.outputs.map((output, index) => made.get(index) ?? output);
  }

  /** A check of the gradient of a table checks what arrives at its rows. */
  check(call: Call, replaced: (tensor: Tensor) => Tensor): readonly Tensor[] | undefined {
    if (call.op !== finiteOp) return undefined;
    const rows = rowsOf(call.operand);
    const isTaken = this.#usersOf(call.operand).some(
      user =>
        byRows.has(user.op) &&
        segmentsOf(user).some(own => own.inputs[1] === call.operand && this.rowsOf(user, own) !== undefined),
    );
    return rows && isTaken ? apply(finiteOp, [replaced(rows.updates)], {}, call.scope) : undefined;
  }
}

/** The graph with updates of rows; with `all`, also of those tables of which every row is updated. */
export function updateByRows(roots: Roots, all: boolean): Roots {
  const rules = new RowRules(roots, all);
  const replacement = rewrite(tensorsOf(roots), (call, inputs, replaced) => {
    return rules.update(call, replaced) ?? rules.check(call, replaced) ?? rebuild(call, inputs);
  });
  return mapRoots(roots, replacement);
}
