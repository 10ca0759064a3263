import type { RE2JS } from "re2js";
import { ConfigError, describe } from "../../base/error.ts";
import { inRe2Syntax } from "./pattern-syntax.ts";

/** Most states of a compiled expression. */
const STATES_MAX = 2_000;

/**
 * Most steps of one search, which takes up to one step for each byte and state: 64 KiB × 256. At 13
 * to 25 ns a step that is 0.4 s, which only a hostile answer can reach: usually a byte is one step.
 */
const STEPS_MAX = 65_536 * 256;

/** A search is given up after this many microseconds of CPU time: this thread has other work. */
const SEARCH_US = 100_000;

/**
 * A regular expression for the answers of upstreams, which may be anything. RE2JS searches in time
 * proportional to the bytes times the states, whereas JavaScript's own engine would backtrack
 * forever on `(a+)+$`. For the syntax see {@link inRe2Syntax}.
 */
export class Pattern {
  private constructor(
    /** As written; two checks are compared by it. */
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

/** Dropped for a pattern that met a hostile answer, as what RE2JS learns of it may take 10 MiB. */
const automata = new WeakMap<Pattern, RE2JS>();

/** A search for a pattern in a growing answer. */
export class PatternSearch {
  /** The search took, or would take, too long: it looks at nothing more, and finds nothing. */
  isGivenUp = false;
  private spentUs = 0;

  constructor(private readonly pattern: Pattern) {}

  /**
   * Whether the answer so far has a match; `$` matches at its current end. Each call searches all
   * of it, because RE2JS cannot resume; the total cost is bounded.
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
  // Loaded here, so that a start without a pattern does not pay for it.
  const library = require("re2js") as typeof import("re2js");
  try {
    const automaton = library.RE2JS.compile(text, library.RE2JS.DISABLE_UNICODE_GROUPS);
    if (automaton.programSize() <= STATES_MAX) return automaton;
  } catch (error) {
    if (!(error instanceof library.RE2JSSyntaxException)) throw error;
    // The faulty part, if it was written like that.
    const part = error.getPattern() ?? source;
    const where = part !== source && source.includes(part) ? ` in ${describe(part)}` : "";
    throw new ConfigError(`${describe(source)}: ${error.getDescription()}${where}`);
  }
  const most = `a regular expression has at most ${STATES_MAX} states`;
  throw new ConfigError(`${describe(source)}: ${most}; its counts multiply`);
}
