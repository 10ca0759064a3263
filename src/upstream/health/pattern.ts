import type { RE2JS } from "re2js";
import { ConfigError, describe } from "../../base/error.ts";
import { inRe2Syntax } from "./pattern-syntax.ts";

/** Most states of a compiled expression. */
const STATES_MAX = 2_000;

/**
 * Most that one look at an answer may cost: its bytes times the states, 64 KiB times 256. At 13 to 25 ns each it is
 * 0.4 s, which an upstream has to mean: as a rule a byte is one step, however many states there are.
 */
const STEPS_MAX = 65_536 * 256;

/** Microseconds of this thread's time after which a search is given up: it has others to look after. */
const SEARCH_US = 100_000;

/**
 * A regular expression for the answers of upstreams, which may be anything: RE2JS looks for a match in time that
 * is at most the number of bytes times that of states, where JavaScript's own would try combinations
 * without an end on `(a+)+$`. The syntax is that of {@link inRe2Syntax}.
 */
export class Pattern {
  private constructor(
    /** As it was written: all there is to tell whether a check has changed. */
    readonly source: string,
  ) {}

  /**
   * Reads and compiles an expression.
   *
   * @throws ConfigError with one sentence that begins with the quoted expression
   */
  static compile(source: string): Pattern {
    const pattern = new Pattern(source);
    automatonOf(pattern);
    return pattern;
  }
}

/** None for a pattern that met a hostile answer: what one learns of answers may be some 10 MiB. */
const automata = new WeakMap<Pattern, RE2JS>();

/** A search for a pattern in an answer that grows. */
export class PatternSearch {
  /** It has taken too long, or would: nothing more is looked at, and nothing found. */
  isGivenUp = false;
  private spentUs = 0;

  constructor(private readonly pattern: Pattern) {}

  /**
   * Whether there is a match anywhere in the answer as it is now: `$` holds at its end. Each look is at all of it, as
   * RE2JS cannot go on where it was; what that costs in all is bounded.
   */
  isIn(answer: Uint8Array): boolean {
    if (this.isGivenUp) return false;
    const automaton = automatonOf(this.pattern);
    if (answer.length * automaton.programSize() > STEPS_MAX) return this.giveUp();
    const before = process.threadCpuUsage();
    const { buffer, byteOffset, length } = answer;
    if (automaton.test(Buffer.from(buffer, byteOffset, length).toString("latin1"))) return true;
    const { user, system } = process.threadCpuUsage(before);
    this.spentUs += user + system;
    return this.spentUs > SEARCH_US ? this.giveUp() : false;
  }

  private giveUp(): false {
    this.isGivenUp = true;
    automata.delete(this.pattern);
    return false;
  }
}

function automatonOf(pattern: Pattern): RE2JS {
  const known = automata.get(pattern);
  if (known !== undefined) return known;
  const made = compiled(pattern.source);
  automata.set(pattern, made);
  return made;
}

function compiled(source: string): RE2JS {
  const text = inRe2Syntax(source);
  // Loaded when there is a pattern: whoever starts without one does not pay for it.
  const library = require("re2js") as typeof import("re2js");
  try {
    const automaton = library.RE2JS.compile(text, library.RE2JS.DISABLE_UNICODE_GROUPS);
    if (automaton.programSize() <= STATES_MAX) return automaton;
  } catch (error) {
    if (!(error instanceof library.RE2JSSyntaxException)) throw error;
    // The part that is wrong, where it is one of what was written.
    const part = error.getPattern() ?? source;
    const where = part !== source && source.includes(part) ? ` in ${describe(part)}` : "";
    throw new ConfigError(`${describe(source)}: ${error.getDescription()}${where}`);
  }
  const most = `a regular expression has at most ${STATES_MAX} states`;
  throw new ConfigError(`${describe(source)}: ${most}; its counts multiply`);
}
