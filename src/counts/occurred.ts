/** How often each of some words was true; only those that were. */
export type Occurred<Word extends string> = Partial<Record<Word, number>>;

/** What stands in a row, in the order of the words. @param first where that begins */
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

/** Adds what one has counted to what others have. */
export function addOccurred<Word extends string>(
  total: Occurred<Word>,
  part: Occurred<Word>,
): void {
  for (const word of Object.keys(part) as Word[]) {
    total[word] = (total[word] ?? 0) + (part[word] ?? 0);
  }
}
