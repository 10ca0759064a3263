import fc from "fast-check";
import { holdsEveryRule } from "./property.ts";

// Runs stories in a copy of the sources, which somebody has broken. Says which one notices that, and by which rule.
//
//     bite.ts COUNT SEED [STORY]    of so many stories of this seed, and this one before all of them

const [numRuns, seed, story] = process.argv.slice(2).map(Number) as [number, number, number?];

/** The first of so many stories that breaks a rule; null for none. */
function bites(of: { readonly numRuns: number; readonly path?: string }): string | null {
  const {
    errorInstance,
    failed,
    numRuns: count,
  } = fc.check(holdsEveryRule, {
    ...{ ...of, seed },
    endOnFailure: true,
  });
  if (!failed) return null;
  const [rule = ""] = errorInstance instanceof Error ? errorInstance.message.split("\n") : [];
  return `${of.path ?? count - 1} ${rule}`;
}

const first = story === undefined ? null : bites({ numRuns: 1, path: `${story}` });
const found = first ?? bites({ numRuns });
process.stdout.write(found ?? "");
process.exit(found === null ? 0 : 1);
