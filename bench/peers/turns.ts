// Peers that make the steps of a bench, and the times of all: measured in turns, of each the least, since
// what else runs on the machine only adds to them.
import {setTimeout as pause} from 'node:timers/promises';
import {table} from '../../scripts/table.ts';
import type {BenchOptions, Figure} from '../options.ts';
import {digits} from '../report.ts';
import {compareWork, type Work} from './given.ts';
import {PeerProcess} from './process.ts';
import {type PeerSpec, peerSpecs, startOf} from './registry.ts';

export interface Peer {
  readonly name: string;
  readonly runtime: PeerSpec['runtime'];
  readonly process: PeerProcess;
}

/** Microseconds of a step, by who made it. */
export type Times = Readonly<Record<string, number>>;

/** The script that each runtime runs. */
export type Scripts = Readonly<Partial<Record<PeerSpec['runtime'], string>>>;

/** Those that are chosen and installed; all by default, none with `quick`. */
export function startPeers({threads, quick, peers}: BenchOptions, scripts: Scripts): Peer[] {
  return peerSpecs.flatMap(spec => {
    const script = scripts[spec.runtime];
    if (script === undefined || !(peers?.includes(spec.name) ?? !quick)) return [];
    const start = startOf({...spec, script}, threads);
    if (typeof start !== 'string') {
      return [{name: spec.name, runtime: spec.runtime, process: new PeerProcess(start)}];
    }
    console.log(`${spec.name}: missing: ${start}`);
    return [];
  });
}

interface Turns {
  /** For what is printed when a peer fails. */
  readonly name: string;
  /** Ours, by the names that they have in the table; each gives the microseconds of a step. */
  readonly own: Readonly<Record<string, () => Promise<number>>>;
  readonly peers: readonly Peer[];
  /** What peers are asked for. */
  readonly request: object;
  /** What is known of the work that a peer is to do; without it nothing is compared. */
  readonly workOf?: (peer: Peer) => Work;
  readonly rounds: number;
}

type Answer = {readonly microseconds: number} & Partial<Work>;

/** @throws where the first answer of a peer shows that it does other work. */
function checkWork(name: string, {name: who}: Peer, expected: Work, answer: Answer): void {
  const compared = compareWork(expected, answer);
  if (typeof compared === 'string') throw new Error(`other work: ${compared}`);
  const what = `${expected.parameters.toLocaleString('en')} weights, ${expected.losses.length} losses`;
  console.log(`${name}: ${who} does the same work: ${what} within ${compared.toExponential(0)}`);
}

/**
 * The least times of our own, which have warmed up, and of the peers. One that fails, or does other work, is
 * not asked again and has no time.
 */
export async function timeInTurns({name, own, peers, request, workOf, rounds}: Turns): Promise<Times> {
  const least: Record<string, number> = {};
  const note = (who: string, time: number): void => {
    least[who] = Math.min(least[who] ?? Number.POSITIVE_INFINITY, time);
  };
  const failed = new Set<Peer>();
  for (let round = 0; round < rounds; round++) {
    for (const [who, time] of Object.entries(own)) note(who, await time());
    for (const peer of peers) {
      if (failed.has(peer)) continue;
      // Threads of the one before may still spin.
      await pause(10);
      try {
        const answer = await peer.process.ask<Answer>(request, 600);
        if (round === 0 && workOf) checkWork(name, peer, workOf(peer), answer);
        note(peer.name, answer.microseconds);
      } catch (error) {
        failed.add(peer);
        console.log(`${name}: ${peer.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  return least;
}

/** A table of all times, as they are and as multiples of chainrule's. */
export function tableOf(times: Times, what: string): string {
  const {chainrule = Number.NaN} = times;
  const rows = Object.entries(times).map(([who, time]) => [who, digits(time), digits(time / chainrule)]);
  return table([['', what, '÷ chainrule'], ...rows]);
}

/** The fastest of the others ÷ chainrule, where there is one. */
export function bestOfOthers({chainrule = Number.NaN, ...others}: Times): Figure | undefined {
  const best = Object.entries(others).sort(([, a], [, b]) => a - b)[0];
  return best && {value: best[1] / chainrule, note: best[0]};
}
