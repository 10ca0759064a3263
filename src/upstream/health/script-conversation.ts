import { describe } from "../../base/error.ts";
import type { CheckStep, Expectation } from "./check-options.ts";
import type { Conversation, Move } from "./conversation.ts";
import { Mask } from "./mask.ts";
import { PatternSearch } from "./pattern.ts";
import { shown } from "./shown.ts";

/**
 * Plays the steps of a `send-expect` check, and passes when all are done.
 *
 * `$` in a regular expression matches the end of what has arrived so far. The answer is searched
 * each time more arrives, so an upstream that keeps the connection open need not close it first.
 */
export class ScriptConversation implements Conversation {
  readonly farewell = "reset";
  private step = 0;
  /** Where the answer to the last `send` begins. */
  private answerAt = 0;
  private search: PatternSearch | BytesSearch | null = null;

  constructor(
    private readonly steps: readonly CheckStep[],
    private readonly mask: Mask,
  ) {}

  next(answer: Uint8Array): Move {
    for (; this.step < this.steps.length; this.step++) {
      const step = this.steps[this.step] as CheckStep;
      if ("send" in step) {
        this.step++;
        this.answerAt = answer.length;
        return { send: step.send };
      }
      this.search ??= searchFor(step.expect);
      if (!this.search.isIn(answer.subarray(this.answerAt))) {
        if (!this.search.isGivenUp) return { awaits: nameOf(step.expect) };
        const expected = `expected ${nameOf(step.expect)}`;
        return { ok: false, detail: `${expected}: looking for it in this answer takes too long` };
      }
      this.search = null;
    }
    const last = this.steps.at(-1);
    if (last === undefined || "send" in last) return { ok: true, detail: "connected" };
    return { ok: true, detail: `got ${shown(answer.subarray(this.answerAt), this.mask)}` };
  }
}

/** Searches a growing answer for bytes, and looks at each byte about once. */
class BytesSearch {
  readonly isGivenUp = false;
  private seen = 0;

  constructor(private readonly bytes: Uint8Array) {}

  isIn(answer: Uint8Array): boolean {
    const from = Math.max(0, this.seen - this.bytes.length + 1);
    this.seen = answer.length;
    return Buffer.from(answer.buffer, answer.byteOffset, answer.length).includes(this.bytes, from);
  }
}

function searchFor(expectation: Expectation): PatternSearch | BytesSearch {
  return "pattern" in expectation
    ? new PatternSearch(expectation.pattern)
    : new BytesSearch(expectation.bytes);
}

function nameOf(expectation: Expectation): string {
  if ("bytes" in expectation) return shown(expectation.bytes, Mask.none);
  return `a match of ${describe(expectation.pattern.source)}`;
}
