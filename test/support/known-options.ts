// The options that a function has, as its error about one that it does not have lists them.

/** Of the message of such an error. */
export const knownIn = (message: string | undefined): string[] =>
  /Known: (.*)\.$/.exec(message ?? '')?.[1]?.split(', ') ?? [];

/** Of a function that throws at once. */
export function optionsOf(make: (options: object) => unknown): string[] {
  try {
    make({nonsense: 1});
  } catch (error) {
    return knownIn((error as Error).message);
  }
  return [];
}
