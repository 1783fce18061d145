// Tables that are to be updated in the rows that a batch reads, and are not: and why.
import type {Call, Tensor, Variable} from '../../core/tensor.ts';
import {callsOf} from '../../core/walk.ts';
import type {Network, Weight} from '../network/network.ts';
import type {Compilation} from './compilation.ts';
import type {Graph} from './graphs.ts';

export interface DenseTable {
  /** Of the weight. */
  readonly name: string;
  /** What makes its gradient one of all rows. */
  readonly because: string;
}

/** Updates of which there is a form for some rows. */
const byRows = ['sgd', 'momentum', 'adagrad', 'adam', 'lion'];

const isSparseRead = ({op, attributes, inputs}: Call, table: Tensor): boolean =>
  op.name === 'gather' && inputs[0] === table && (attributes as {sparse?: boolean}).sparse === true;

/** What of an update itself changes rows that nobody read. */
function ofUpdate(
  {op, attributes}: Call,
  {optimizer}: Compilation,
  {constraint}: Weight,
): string | undefined {
  const {decays, averages, pauses} = attributes as Partial<Record<string, boolean>>;
  if (constraint) return 'its constraint reads every row';
  if (decays) return 'weight decay changes every row';
  if (averages) return 'moving averages follow every row';
  if (pauses) return 'accumulated gradients are of every row';
  return byRows.includes(op.name) ? undefined : `the optimizer ${optimizer.kind} updates every row`;
}

/** Tables with `sparse: true` whose update a step makes of all rows. */
export function denseTables(network: Network, compilation: Compilation, graph: Graph): DenseTable[] {
  const {outputs, updates = [], guards = []} = graph;
  const order = callsOf([...Object.values(outputs), ...guards, ...updates.map(([, value]) => value)]);
  const readersOf = (tensor: Tensor): Call[] => order.filter(({inputs}) => inputs.includes(tensor));
  const updateOf = (own: Variable): Call | undefined =>
    updates.find(([variable]) => variable.tensor === own.tensor)?.[1].call;
  const because = (weight: Weight): string | undefined => {
    const {tensor} = weight.variable;
    const update = updateOf(weight.variable);
    const readers = readersOf(tensor);
    if (!update || !readers.some(call => isSparseRead(call, tensor))) return undefined;
    const own = ofUpdate(update, compilation, weight);
    if (own !== undefined) return own;
    const gradient = update.inputs[update.inputs.indexOf(tensor) + 1] as Tensor;
    const isOfRows = gradient.call.op.name === 'scatterAdd';
    const others = readersOf(gradient).filter(call => call !== update && call.op.guard === undefined);
    if (isOfRows && others.length === 0) return undefined;
    if (weight.regularizer) return 'its regularizer reads every row';
    const isRead = readers.filter(call => call !== update);
    if (isRead.some(({op}) => op.name === 'matmul')) return 'an output that shares the table reads every row';
    if (isRead.filter(call => isSparseRead(call, tensor)).length > 1)
      return 'more than one layer call reads it';
    return 'what limits gradients, or a criterion, reads all of its gradient';
  };
  return network.trainable.flatMap(weight => {
    const reason = because(weight);
    return reason === undefined ? [] : [{name: weight.variable.name, because: reason}];
  });
}
