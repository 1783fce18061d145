/** Where each element of `to` is read in an array of the shape `from`, which broadcasts to it. */
export function broadcastIndex(from: readonly number[], to: readonly number[]): (index: number) => number {
  const strides = new Array<number>(to.length).fill(0);
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (from[axis] !== 1) strides[to.length - from.length + axis] = step;
    step *= from[axis] as number;
  }
  return index => {
    let position = 0;
    for (let axis = to.length - 1, rest = index; axis >= 0; axis--) {
      const size = to[axis] as number;
      position += (rest % size) * (strides[axis] as number);
      rest = Math.floor(rest / size);
    }
    return position;
  };
}
