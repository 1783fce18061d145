// Plans depend on which weights are trained: whoever keeps some asks whether that may have changed.
let count = 0;

export function noteTrainableChange(): void {
  count++;
}

/** How often `trainable` of any layer has been set. */
export function trainableChanges(): number {
  return count;
}
