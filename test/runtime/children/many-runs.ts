// Run after run over one array of 50 MB, which some engines make a run copy. Prints by how many MB memory
// grew.
import {Program} from '../../../lib/runtime/program.ts';
import {PlanWords, shared} from '../words.ts';

const width = 12_500_000;
const words = new PlanWords();
const x = words.io('x', 'float32', [width]);
const sum = words.io('sum', 'float32', [], {output: true});
words.instruction('sum(x: f32) -> y: f32 {axis: i32}', [sum], [x], [0]);
const program = new Program(words.plan());
const array = new Float32Array(width).fill(1);
const result = shared(1);
const before = process.memoryUsage().rss;
let most = 0;
for (let run = 0; run < 60 && most < 2000; run++) {
  await program.run(undefined, {x: array, sum: result});
  most = Math.max(most, (process.memoryUsage().rss - before) / 1e6);
}
console.log(most.toFixed(0));
