import fc from "fast-check";
import { fuzz } from "../model/fuzz.ts";
import { holdsEveryRule } from "./property.ts";

/** Stories of one seed. Few, so that what they leave behind is bounded, however many there are. */
const SLICE = 500;
/** How often somebody who waits for many is told how far they have come. */
const TELL_EVERY = 50_000;

/**
 * Runs stories until one of them breaks a rule, which is made as small as it can be and thrown.
 *
 * @param most stories, unless the environment says how many there are to be, see {@link fuzz}
 * @param cpuMs processor's time that so many may take
 * @returns how many there were, of which seeds
 */
export function runStories(most: number, cpuMs: number): string {
  const wanted = fuzz(most);
  const isBounded = wanted.numRuns === most;
  // The same ones each time: what fails is what was changed. Others are played by hand, in great number.
  const first = wanted.seed ?? 1;
  const before = process.cpuUsage();
  const isTimeOver = () => {
    const { user, system } = process.cpuUsage(before);
    return user + system >= cpuMs * 1_000;
  };
  let seed = first;
  let count = 0;
  while (count < wanted.numRuns && !(isBounded && isTimeOver())) {
    const numRuns = Math.min(SLICE, wanted.numRuns - count);
    // A path leads to one story, which the slice begins with.
    fc.assert(holdsEveryRule, { ...wanted, seed, numRuns, includeErrorInReport: true });
    seed++;
    count += numRuns;
    if (wanted.path !== undefined) break;
    if (count % TELL_EVERY === 0) process.stderr.write(`${count} stories, to seed ${seed - 1}\n`);
  }
  return `${count} stories, seeds ${first}…${seed - 1}, ${SLICE} of each`;
}
