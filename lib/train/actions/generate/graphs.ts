// The two plans of generation: many tokens in one loop, and known tokens read at once.
import {at} from '../../../core/lists.ts';
import {leaveLoops} from '../../../core/open-body.ts';
import {input, type Tensor, type TensorSpec} from '../../../core/tensor.ts';
import {finite} from '../../../ops/check.ts';
import {gather} from '../../../ops/indexing.ts';
import {add} from '../../../ops/map.ts';
import {reshape} from '../../../ops/move.ts';
import {scan} from '../../../ops/scan.ts';
import type {Graph} from '../../step/graphs.ts';
import type {Decoder} from './decoder.ts';
import type {Sampler} from './sampler.ts';

/** What a plan calls what is kept from call to call: by the decoder, and by the sampler. */
export const keptName = (index: number): string => `kept${index}`;
export const chosenName = (index: number): string => `chosen${index}`;
/** What it calls the same when it gives it back. */
export const nextOf = (name: string): string => `next.${name}`;

const integers = (name: string, ...shape: readonly number[]): Tensor => input({name, shape, dtype: 'int32'});

const inputsOf = (specs: readonly TensorSpec[], name: (index: number) => string): Tensor[] =>
  specs.map((spec, index) => input({...spec, name: name(index)}));

const givenBack = (tensors: readonly Tensor[], name: (index: number) => string): Record<string, Tensor> =>
  Object.fromEntries(tensors.map((tensor, index) => [nextOf(name(index)), tensor]));

/**
 * So many steps, one after another: each reads a token, chooses the next, and hands it on. Reads the first
 * `token` [rows], which tokens are known to follow, `forced` [steps, rows], where the first stands,
 * `position`, and the `number` in the text of the first that is chosen. Gives `tokens` and `parents`, [steps,
 * rows].
 */
export function loopGraph(decoder: Decoder, sampler: Sampler, steps: number): Graph {
  const {rows} = sampler;
  const [token, forced] = [integers('token', rows), integers('forced', steps, rows)];
  const [position, number] = [integers('position', 1), integers('number', 1)];
  const seed = integers('seed', 2);
  const settings = Object.fromEntries(
    Object.keys(sampler.settings).map(name => [name, input({name, shape: [1]})]),
  );
  const kept = inputsOf(decoder.kept, keptName);
  const chosen = inputsOf(
    sampler.kept.map(({spec}) => spec),
    chosenName,
  );
  const guards: Tensor[] = [];
  const {carries, outputs} = scan(
    ([read, ...before]: readonly Tensor[], slices: readonly Tensor[], iteration) => {
      const ids = reshape(read as Tensor, [rows, 1]);
      const decoded = decoder.read(ids, add(position, iteration), before.slice(0, kept.length));
      leaveLoops(finite(decoded.logits), guard => guards.push(guard));
      const choice = {forced: at(slices, 0), number: add(number, iteration), seed, settings};
      const {tokens, parents, kept: own} = sampler.choose(decoded.logits, before.slice(kept.length), choice);
      const next = parents ? decoded.kept.map(each => gather(each, parents)) : decoded.kept;
      return {carries: [tokens, ...next, ...own], outputs: parents ? [tokens, parents] : [tokens]};
    },
    {carries: [token, ...kept, ...chosen], sequences: [forced]},
  );
  const [tokens, parents] = outputs;
  return {
    outputs: {
      tokens: tokens as Tensor,
      ...(parents && {parents}),
      ...givenBack(carries.slice(1, 1 + kept.length), keptName),
      ...givenBack(carries.slice(1 + kept.length), chosenName),
    },
    guards,
  };
}

/** Known `ids` [rows, steps], the first at `position`, read for what is kept of them alone. */
export function readGraph(decoder: Decoder, rows: number, steps: number): Graph {
  const kept = inputsOf(decoder.kept, keptName);
  const decoded = decoder.read(integers('ids', rows, steps), integers('position', 1), kept);
  return {outputs: givenBack(decoded.kept, keptName)};
}
