/** How often each word occurred, without those that never did. */
export type Occurred<Word extends string> = Partial<Record<Word, number>>;

/**
 * Reads the counts of words from a row, in their order.
 *
 * @param first the index at which they begin
 */
export function occurred<Word extends string>(
  words: readonly Word[],
  numbers: Float64Array,
  first = 0,
): Occurred<Word> {
  const counts: Occurred<Word> = {};
  for (const [index, word] of words.entries()) {
    const count = numbers[first + index] as number;
    if (count > 0) counts[word] = count;
  }
  return counts;
}

/** Adds the counts of one engine to those of others. */
export function addOccurred<Word extends string>(
  total: Occurred<Word>,
  part: Occurred<Word>,
): void {
  for (const word of Object.keys(part) as Word[]) {
    total[word] = (total[word] ?? 0) + (part[word] ?? 0);
  }
}
