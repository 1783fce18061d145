// Complex numbers: two tensors of float32 that belong together, as in tfjs. What a kernel does with them is
// said by what it does with the parts.
import type {NamedTensorInfoMap, TensorInfo} from '@tensorflow/tfjs-core';
import type {ChainruleBackend} from './backend.ts';
import {Entry, type NumericType} from './entry.ts';

type Inputs = Readonly<Record<string, TensorInfo | null | undefined>>;
type Part = 'real' | 'imag';

/** Runs another kernel of this backend. */
export type RunKernel = (name: string, inputs: NamedTensorInfoMap, attributes?: object) => TensorInfo;

interface Call {
  readonly name: string;
  readonly inputs: Inputs;
  readonly attributes: object;
  readonly backend: ChainruleBackend;
  readonly run: RunKernel;
}

export type ComplexKernel = (call: Call) => TensorInfo | TensorInfo[];

/** Takes over both parts. */
function join(real: TensorInfo, imag: TensorInfo, backend: ChainruleBackend): TensorInfo {
  const {shape} = real;
  const {size} = backend.entryOf(real.dataId);
  const entry = new Entry('complex64', size, 1);
  entry.complexTensorInfos = {real, imag};
  return {dataId: backend.enter(entry), shape, dtype: 'complex64'};
}

/**
 * A part under the shape that the whole has now: a reshape changes that alone. Zeros are the caller's to
 * dispose of.
 */
function partOf(info: TensorInfo, part: Part, {backend, run}: Call): {part: TensorInfo; isNew: boolean} {
  const parts = backend.entryOf(info.dataId).complexTensorInfos;
  if (parts) return {part: {...parts[part], shape: info.shape}, isNew: false};
  if (part === 'imag')
    return {part: run('Fill', {}, {shape: info.shape, value: 0, dtype: 'float32'}), isNew: true};
  return {part: run('Cast', {x: info}, {dtype: 'float32'}), isNew: true};
}

/** Calls `body` with the part of each operand, and disposes of what was made for it. */
function withParts<Result>(call: Call, part: Part, body: (inputs: NamedTensorInfoMap) => Result): Result {
  const made: TensorInfo[] = [];
  const parts = Array.isArray(call.inputs) ? ([] as unknown as Record<string, TensorInfo>) : {};
  for (const name of Object.keys(call.inputs)) {
    const info = call.inputs[name];
    if (!info) continue;
    const found = partOf(info, part, call);
    if (found.isNew) made.push(found.part);
    (parts as Record<string, TensorInfo>)[name] = found.part;
  }
  try {
    return body(parts);
  } finally {
    for (const info of made) call.backend.disposeData(info.dataId);
  }
}

/** The same kernel of both parts. */
const ofEach: ComplexKernel = call => {
  const {name, attributes, backend, run} = call;
  const results = (['real', 'imag'] as const).map(part =>
    withParts(call, part, inputs => run(name, inputs, attributes) as TensorInfo | TensorInfo[]),
  );
  const [real, imag] = results as [TensorInfo | TensorInfo[], TensorInfo | TensorInfo[]];
  if (!Array.isArray(real)) return join(real, imag as TensorInfo, backend);
  return real.map((own, index) => join(own, (imag as TensorInfo[])[index] as TensorInfo, backend));
};

/** The same data under another shape, which the kernel finds for the real part. */
const rename: ComplexKernel = ({name, inputs, attributes, backend, run}) => {
  const [key, info] = Object.entries(inputs)[0] as [string, TensorInfo];
  const real = backend.entryOf(info.dataId).complexTensorInfos?.real as TensorInfo;
  const named = run(name, {[key]: {...real, shape: info.shape}}, attributes);
  backend.disposeData(named.dataId);
  backend.incRef(info.dataId);
  return {dataId: info.dataId, shape: named.shape, dtype: info.dtype};
};

/** A copy of a part, which lives on when the whole is disposed of. */
const copyOf =
  (part: Part): ComplexKernel =>
  call =>
    withParts(call, part, ({input}) => copied(input as TensorInfo, call.backend));

function copied(info: TensorInfo, backend: ChainruleBackend): TensorInfo {
  const values = backend.entryOf(info.dataId).read();
  return backend.makeTensorInfo(info.shape, info.dtype as NumericType, values as Float32Array);
}

const multiply: ComplexKernel = call => {
  const {backend, run} = call;
  const times = (a: TensorInfo | undefined, b: TensorInfo | undefined): TensorInfo =>
    run('Multiply', {a: a as TensorInfo, b: b as TensorInfo});
  return withParts(call, 'real', re =>
    withParts(call, 'imag', im => {
      const [reals, imaginaries] = [times(re.a, re.b), times(im.a, im.b)];
      const [mixed, others] = [times(re.a, im.b), times(im.a, re.b)];
      const real = run('Sub', {a: reals, b: imaginaries});
      const imag = run('Add', {a: mixed, b: others});
      for (const {dataId} of [reals, imaginaries, mixed, others]) backend.disposeData(dataId);
      return join(real, imag, backend);
    }),
  );
};

/** By the rule of the same name, whose operands are the parts. */
const absolute: ComplexKernel = call => {
  const info = call.inputs.x as TensorInfo;
  const [real, imag] = (['real', 'imag'] as const).map(part => partOf(info, part, call).part);
  return call.run('ComplexAbs', {real: real as TensorInfo, imag: imag as TensorInfo});
};

/** By the rule of the same name, from both parts to both. Of lines of one number it changes nothing. */
const transform: ComplexKernel = call => {
  const {name, backend, run} = call;
  const info = call.inputs.input as TensorInfo;
  const [real, imag] = (['real', 'imag'] as const).map(part => partOf(info, part, call).part) as [
    TensorInfo,
    TensorInfo,
  ];
  const isPlain = (info.shape.at(-1) ?? 0) < 2 || info.shape.includes(0);
  if (isPlain) return join(copied(real, backend), copied(imag, backend), backend);
  const [reals, imaginaries] = run(name, {real, imag}) as unknown as [TensorInfo, TensorInfo];
  return join(reals, imaginaries, backend);
};

/** To complex numbers with an imaginary part of 0; from them the real part. */
const cast: ComplexKernel = call => {
  const {inputs, attributes, backend, run} = call;
  const info = inputs.x as TensorInfo;
  const toComplex = (attributes as {readonly dtype: string}).dtype === 'complex64';
  if (toComplex && info.dtype === 'complex64') {
    backend.incRef(info.dataId);
    return info;
  }
  return withParts(call, 'real', ({x}) => {
    const own = x as TensorInfo;
    if (!toComplex)
      return own.dtype === (attributes as {readonly dtype: string}).dtype
        ? copied(own, backend)
        : run('Cast', {x: own}, attributes);
    const imag = run('Fill', {}, {shape: info.shape, value: 0, dtype: 'float32'});
    return join(copied(own, backend), imag, backend);
  });
};

const onesLike: ComplexKernel = ({inputs, backend, run}) => {
  const {shape} = inputs.x as TensorInfo;
  const fill = (value: number): TensorInfo => run('Fill', {}, {shape, value, dtype: 'float32'});
  return join(fill(1), fill(0), backend);
};

/** From two tensors of numbers, each of which is copied. */
const complex: ComplexKernel = ({inputs, backend}) => {
  const parts = (['real', 'imag'] as const).map(part => copied(inputs[part] as TensorInfo, backend));
  return join(parts[0] as TensorInfo, parts[1] as TensorInfo, backend);
};

/** Kernels that have an operand or a result of complex numbers. */
const kernels: Readonly<Record<string, ComplexKernel>> = {
  Add: ofEach,
  Cast: cast,
  Complex: complex,
  ComplexAbs: absolute,
  Concat: ofEach,
  ExpandDims: rename,
  FFT: transform,
  IFFT: transform,
  Identity: rename,
  Imag: copyOf('imag'),
  Multiply: multiply,
  OnesLike: onesLike,
  Pack: ofEach,
  Real: copyOf('real'),
  Reshape: rename,
  Slice: ofEach,
  Sub: ofEach,
  Unpack: ofEach,
  ZerosLike: ofEach,
};

/** Whether there is one of this name. */
export const isComplexKernel = (name: string): boolean => name in kernels;

/** What does a call that is about complex numbers; undefined for others, and where there is nothing. */
export function complexKernel(name: string, inputs: Inputs, attributes: object): ComplexKernel | undefined {
  const isComplex =
    name === 'Complex' ||
    (attributes as {readonly dtype?: unknown}).dtype === 'complex64' ||
    Object.values(inputs).some(info => info?.dtype === 'complex64');
  return isComplex ? kernels[name] : undefined;
}
