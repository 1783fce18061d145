// Graph models with loops and branches, as the converter writes them: by Switch and Merge with a TensorArray,
// and by functions with a TensorList. They give here what they give on tfjs's cpu backend.
import * as tf from '@tensorflow/tfjs';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';

beforeEach(() => tf.setBackend(backendName));
afterEach(() => tf.setBackend(backendName));

interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: object;
}

/** `name op(inputs)` */
function node(text: string, attr: object = {}): GraphNode {
  const [, name = '', op = '', inputs = ''] = /^(\S+) (\w+)(?:\((.*)\))?$/.exec(text) ?? [];
  return {name, op, attr, input: inputs.split(', ').filter(input => input !== '')};
}

const type = (name: 'FLOAT' | 'INT32') => ({type: `DT_${name}`});
const float = {dtype: type('FLOAT')};
const unknownRows = {shape: {dim: [{size: -1}, {size: 3}]}};
const listOf = {element_dtype: type('FLOAT'), shape_type: type('INT32')};

const [kernel, shape] = [Array.from({length: 9}, (_, at) => Math.sin(at + 1)), [-1, 3]];
const constants: Readonly<Record<string, readonly [dtype: 'float32' | 'int32', number[], number[]]>> = {
  kernel: ['float32', [3, 3], kernel],
  two: ['float32', [], [2]],
  nothing: ['float32', [], [0]],
  ...{zero: ['int32', [], [0]], one: ['int32', [], [1]]},
  ...{shape: ['int32', [2], shape], axes: ['int32', [2], [0, 1]]},
};

const inputs = [
  node('x Placeholder', {...float, shape: unknownRows}),
  node('steps Placeholder', {dtype: type('INT32'), shape: {shape: {}}}),
  ...Object.entries(constants).map(([name, [dtype]]) =>
    node(`${name} Const`, {dtype: type(dtype === 'int32' ? 'INT32' : 'FLOAT')}),
  ),
  node('total Sum(x, axes)', {keep_dims: {b: false}, T: type('FLOAT')}),
  node('isPositive Greater(total, nothing)'),
];

const entering = {frame_name: {s: Buffer.from('loop').toString('base64')}};
/** What goes through the loop: `first` when it begins, `next` after each turn. */
const carried = (name: string, first: string, next: string): GraphNode[] => [
  node(`${name}/first Enter(${first})`, entering),
  node(`${name} Merge(${name}/first, ${name}/next)`),
  node(`${name}/switch Switch(${name}, goesOn)`),
  node(`${name}/next NextIteration(${next})`),
  node(`${name}/end Exit(${name}/switch)`),
];
const outside = (name: string, own: string): GraphNode =>
  node(`${name} Enter(${own})`, {...entering, is_constant: {b: true}});

/** states = tanh(states · kernel), so many times; all of them are kept in an array. */
const byFrames: readonly GraphNode[] = [
  ...inputs,
  node('array TensorArrayV3(steps)', {
    ...{...float, element_shape: unknownRows, dynamic_size: {b: false}},
    ...{clear_after_read: {b: true}, identical_element_shapes: {b: true}},
  }),
  outside('weights', 'kernel'),
  outside('last', 'steps'),
  outside('kept', 'array'),
  node('isBefore Less(turn, last)'),
  node('goesOn LoopCond(isBefore)'),
  ...carried('turn', 'zero', 'turn/more'),
  node('turn/more AddV2(turn/switch:1, one)'),
  ...carried('state', 'x', 'state/more'),
  node('state/product MatMul(state/switch:1, weights)'),
  node('state/more Tanh(state/product)'),
  ...carried('flow', 'array:1', 'flow/more'),
  node('flow/more TensorArrayWriteV3(kept, turn/switch:1, state/more, flow/switch:1)'),
  node('turns Range(zero, steps, one)', {Tidx: type('INT32')}),
  node('states TensorArrayGatherV3(array, turns, flow/end)', {...float, element_shape: unknownRows}),
  node('branch Switch(x, isPositive)'),
  node('branch/twice Mul(branch:1, two)'),
  node('branch/square Square(branch)'),
  node('chosen Merge(branch/square, branch/twice)'),
];

interface GraphFunction {
  readonly signature: object;
  readonly nodeDef: readonly GraphNode[];
  readonly ret: Readonly<Record<string, string>>;
}

function graphFunction(
  name: string,
  given: readonly string[],
  nodeDef: readonly GraphNode[],
  ret: Readonly<Record<string, string>>,
): GraphFunction {
  const arg = (own: string) => ({name: own, type: 'DT_FLOAT'});
  const signature = {name, inputArg: given.map(arg), outputArg: Object.keys(ret).map(arg)};
  return {signature, nodeDef, ret};
}

const loopInputs = ['turn', 'state', 'list', 'steps', 'kernel', 'one'];
const functions: readonly GraphFunction[] = [
  graphFunction('isBefore', loopInputs, [node('less Less(turn, steps)')], {less: 'less:z:0'}),
  graphFunction(
    'body',
    loopInputs,
    [
      node('product MatMul(state, kernel)'),
      node('active Tanh(product:product:0)'),
      node('more AddV2(turn, one)'),
      node('written TensorListSetItem(list, turn, active:y:0)', listOf),
    ],
    {
      ...{turn_: 'more:z:0', state_: 'active:y:0', list_: 'written:output_handle:0'},
      ...{steps_: 'steps', kernel_: 'kernel', one_: 'one'},
    },
  ),
  graphFunction('twice', ['x', 'two'], [node('product Mul(x, two)')], {y: 'product:z:0'}),
  graphFunction('square', ['x', 'two'], [node('product Square(x)')], {y: 'product:y:0'}),
];
const called = (name: string) => ({func: {name}});

/** The same, by functions. */
const byFunctions: readonly GraphNode[] = [
  ...inputs,
  node('list TensorListReserve(shape, steps)', listOf),
  node('loop StatelessWhile(zero, x, list, steps, kernel, one)', {
    ...{cond: called('isBefore'), body: called('body')},
  }),
  node('states TensorListStack(loop:2, shape)', {...listOf, num_elements: {i: '-1'}}),
  node('turn/end Identity(loop)'),
  node('state/end Identity(loop:1)'),
  node('chosen StatelessIf(isPositive, x, two)', {
    ...{then_branch: called('twice'), else_branch: called('square')},
  }),
];

function artifacts(nodes: readonly GraphNode[]): tf.io.ModelArtifacts {
  const parts = Object.values(constants).map(([dtype, , values]) =>
    Buffer.from((dtype === 'int32' ? Int32Array : Float32Array).from(values).buffer),
  );
  const weights = Buffer.concat(parts);
  return {
    format: 'graph-model',
    modelTopology: {node: nodes, library: {function: functions}, versions: {producer: 1}},
    weightSpecs: Object.entries(constants).map(([name, [dtype, size]]) => ({name, shape: size, dtype})),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
  } as tf.io.ModelArtifacts;
}

interface Results {
  readonly shapes: number[][];
  readonly values: number[];
}

/** Of both branches, and of loops of several lengths, each so often that its traces are known. */
async function runs(nodes: readonly GraphNode[]): Promise<Results[]> {
  const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts(nodes)));
  const results: Results[] = [];
  for (const [rows, steps, sign] of [
    [2, 4, 1],
    [2, 4, 1],
    [2, 4, -1],
    [2, 4, 1],
    [5, 7, -1],
    [1, 1, 1],
  ]) {
    const x = tf.randomUniform([rows as number, 3], 0, 1, 'float32', 3).mul(sign as number);
    const given = {x, steps: tf.scalar(steps as number, 'int32')};
    const names = ['states', 'state/end', 'turn/end', 'chosen'];
    const outputs = (await model.executeAsync(given, names)) as tf.Tensor[];
    const values = await Promise.all(outputs.map(output => output.data()));
    const shapes = outputs.map(output => output.shape);
    results.push({shapes, values: values.flatMap(each => [...each])});
    tf.dispose([given, outputs]);
  }
  model.dispose();
  return results;
}

test.each([
  ['Switch, Merge and a TensorArray', byFrames],
  ['functions and a TensorList', byFunctions],
])('loops and branches by %s', async (_, nodes) => {
  resetHandedOver();
  const before = tf.memory().numTensors;
  const own = await runs(nodes);
  const left = tf.memory().numTensors - before;
  expect(handedOver()).toEqual([]);
  await tf.setBackend('cpu');
  const wanted = await runs(nodes);
  expect(tf.memory().numTensors - before - left).toBe(left);
  expect(own.map(({shapes}) => shapes)).toEqual(wanted.map(({shapes}) => shapes));
  expect(own[0]?.shapes).toEqual([[4, 2, 3], [2, 3], [], [2, 3]]);
  expect(own[4]?.shapes[0]).toEqual([7, 5, 3]);
  for (const [run, {values}] of wanted.entries()) {
    expect(own[run]?.values).toHaveLength(values.length);
    for (const [at, value] of values.entries()) {
      expect(Math.abs((own[run]?.values[at] as number) - value), `${run}: ${at}`).toBeLessThanOrEqual(1e-5);
    }
  }
});
