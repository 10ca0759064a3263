import fc from "fast-check";
import { holdsEveryRule } from "./property.ts";

// Runs stories in a copy of the sources, which somebody has broken, and exits with 1 when one of them notices.

const [numRuns, seed] = process.argv.slice(2).map(Number);
const { errorInstance, failed } = fc.check(holdsEveryRule, {
  numRuns: numRuns as number,
  seed: seed as number,
  endOnFailure: true,
});
const [rule = ""] = errorInstance instanceof Error ? errorInstance.message.split("\n") : [];
process.stdout.write(rule);
process.exit(failed ? 1 : 0);
