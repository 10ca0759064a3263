import { describe } from "../../config/error.ts";
import type { CheckStep, Expectation } from "./check-options.ts";
import type { Conversation, Move } from "./conversation.ts";
import { Mask } from "./mask.ts";
import { PatternSearch } from "./pattern.ts";
import { shown } from "./shown.ts";

/**
 * Plays the steps of a check of kind `send-expect`, and is well when all are done.
 *
 * `$` in a regular expression is the end of what has come so far: an answer is looked at whenever
 * more of it came, so that an upstream that keeps the connection open need not end it first.
 */
export class ScriptConversation implements Conversation {
  readonly farewell = "reset";
  private step = 0;
  /** Where the answer to the last `send` begins. */
  private answerAt = 0;
  private search: Search | null = null;

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
      this.search ??= new Search(step.expect);
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

/** A search in an answer that grows, which looks at each byte about once. */
class Search {
  private seen = 0;
  private readonly pattern: PatternSearch | null;
  private readonly bytes: Uint8Array;

  constructor(expectation: Expectation) {
    this.pattern = "pattern" in expectation ? new PatternSearch(expectation.pattern) : null;
    this.bytes = "bytes" in expectation ? expectation.bytes : new Uint8Array();
  }

  /** Looking further would take too long. */
  get isGivenUp(): boolean {
    return this.pattern?.isGivenUp ?? false;
  }

  isIn(answer: Uint8Array): boolean {
    const { seen } = this;
    this.seen = answer.length;
    if (this.pattern !== null) {
      return this.pattern.feed(answer.subarray(seen)) || this.pattern.matchesHere();
    }
    const from = Math.max(0, seen - this.bytes.length + 1);
    return Buffer.from(answer.buffer, answer.byteOffset, answer.length).includes(this.bytes, from);
  }
}

function nameOf(expectation: Expectation): string {
  if ("bytes" in expectation) return shown(expectation.bytes, Mask.none);
  return `a match of ${describe(expectation.pattern.source)}`;
}
