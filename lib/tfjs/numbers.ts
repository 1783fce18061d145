// Numbers that the program gave to traces: constants of their plan until they are seen to change.

/** So often a plan is made anew because a number has changed; then all numbers may change. */
const mostChanges = 4;

export class Numbers {
  #first: readonly number[] | undefined;
  #isInput: boolean[] = [];
  #changes = 0;

  /** Takes note of the numbers of a run. Whether one changed that was a constant until now. */
  note(numbers: readonly number[]): boolean {
    const first = this.#first;
    if (!first) {
      this.#first = numbers;
      return false;
    }
    let hasChanged = false;
    for (let at = 0; at < numbers.length; at++) {
      if (Object.is(numbers[at], first[at]) || this.#isInput[at]) continue;
      this.#isInput[at] = true;
      hasChanged = true;
    }
    if (hasChanged && ++this.#changes > mostChanges) this.#isInput = numbers.map(() => true);
    return hasChanged;
  }

  /** Those of the first run. */
  get first(): readonly number[] | undefined {
    return this.#first;
  }

  /** Whether any of the numbers is an input of the plan. */
  get hasInputs(): boolean {
    return this.#changes > 0;
  }

  /** Whether one of the numbers is an input of the plan. */
  isInput(index: number): boolean {
    return this.#isInput[index] === true;
  }
}
