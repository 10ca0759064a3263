import { ConfigError, describe } from "../../config/error.ts";
import { type ByteSet, type PatternNode, parsePattern, type Repeat } from "./pattern-syntax.ts";

/** Most states of a program: each byte of an answer may cost so many steps. */
const STATES_MAX = 1_000;

/** Steps after which a search is given up, some 50 ms: this thread has others to look after. */
const STEPS_MAX = 4_000_000;

enum Op {
  /** Goes on with the next state if the byte is in the set `x`. */
  Set,
  /** Goes on with the states `x` and `y`. */
  Split,
  /** Goes on with the state `x`. */
  Jump,
  /** Goes on if nothing came before. */
  Start,
  /** Goes on if nothing comes any more. */
  End,
  Match,
}

/**
 * A regular expression for the answers of upstreams, which may be anything: a match is looked for in
 * time that is at most the number of bytes times the number of states (1,000), whatever they
 * are, and given up after some 50 ms. JavaScript's own would try combinations without an end on
 * `(a+)+$`. 64 KiB take 14 ms for a usual expression; the worst one that is allowed (`.{990}x`) gets
 * through 4 KiB of them.
 *
 * Compiled to a nondeterministic automaton that is in all its states at once (Thompson, 1968). The
 * syntax is that of `pattern-syntax.ts`.
 */
export class Pattern {
  private constructor(
    /** As it was written. */
    readonly source: string,
    /** @internal One entry per state. */
    readonly program: Program,
  ) {}

  /**
   * Reads and compiles an expression.
   *
   * @throws ConfigError with one sentence that begins with the quoted expression
   */
  static compile(source: string): Pattern {
    const root = parsePattern(source);
    if (sizeOf(root) + 1 > STATES_MAX) {
      const most = `a regular expression has at most ${STATES_MAX} states`;
      throw new ConfigError(`${describe(source)}: ${most}; its counts multiply`);
    }
    const program = new Program();
    program.emit(root);
    program.push(Op.Match);
    return new Pattern(source, program);
  }

  /** Whether it matches anywhere in the bytes. */
  test(bytes: Uint8Array): boolean {
    const search = new PatternSearch(this);
    return search.feed(bytes) || search.matchesHere();
  }
}

/** The states of an automaton, in three columns. */
class Program {
  readonly op: Op[] = [];
  readonly x: number[] = [];
  readonly y: number[] = [];
  readonly sets: ByteSet[] = [];

  push(op: Op, x = 0, y = 0): number {
    this.x.push(x);
    this.y.push(y);
    return this.op.push(op) - 1;
  }

  emit(node: PatternNode): void {
    switch (node.is) {
      case "set":
        this.push(Op.Set, this.sets.push(node.set) - 1);
        return;
      case "start":
        this.push(Op.Start);
        return;
      case "end":
        this.push(Op.End);
        return;
      case "sequence":
        for (const part of node.parts) this.emit(part);
        return;
      case "choice":
        this.emitChoice(node.branches);
        return;
      case "repeat":
        this.emitRepeat(node);
    }
  }

  private emitChoice(branches: readonly PatternNode[]): void {
    const jumps: number[] = [];
    for (const [index, branch] of branches.entries()) {
      if (index === branches.length - 1) {
        this.emit(branch);
      } else {
        const split = this.push(Op.Split, this.op.length + 1);
        this.emit(branch);
        jumps.push(this.push(Op.Jump));
        this.y[split] = this.op.length;
      }
    }
    for (const jump of jumps) this.x[jump] = this.op.length;
  }

  private emitRepeat({ body, least, most }: Repeat): void {
    // Nothing, however often, is nothing.
    if (sizeOf(body) === 0) return;
    let bodyAt = this.op.length;
    for (let copy = 0; copy < least; copy++) {
      bodyAt = this.op.length;
      this.emit(body);
    }
    if (most === Number.POSITIVE_INFINITY) {
      if (least > 0) {
        this.push(Op.Split, bodyAt, this.op.length + 1);
        return;
      }
      const split = this.push(Op.Split, this.op.length + 1);
      this.emit(body);
      this.push(Op.Jump, split);
      this.y[split] = this.op.length;
      return;
    }
    const splits: number[] = [];
    for (let copy = least; copy < most; copy++) {
      splits.push(this.push(Op.Split, this.op.length + 1));
      this.emit(body);
    }
    for (const split of splits) this.y[split] = this.op.length;
  }
}

/** How many states {@link Program.emit} makes of a part; may be far more than there can be. */
function sizeOf(node: PatternNode): number {
  switch (node.is) {
    case "sequence":
      return node.parts.reduce((sum, part) => sum + sizeOf(part), 0);
    case "choice":
      return node.branches.reduce((sum, part) => sum + sizeOf(part), 2 * node.branches.length - 2);
    case "repeat": {
      const size = sizeOf(node.body);
      if (size === 0) return 0;
      if (node.most !== Number.POSITIVE_INFINITY) {
        return size * node.least + (size + 1) * (node.most - node.least);
      }
      return node.least === 0 ? size + 2 : size * node.least + 1;
    }
    default:
      return 1;
  }
}

/** A search for one pattern in bytes that come bit by bit: no byte is looked at twice. */
export class PatternSearch {
  private readonly program: Program;
  /** States that wait for a byte, or for the end. */
  private current: Int32Array;
  private currentCount = 0;
  private following: Int32Array;
  private followingCount = 0;
  /** For each state the round in which it was added last. */
  private readonly marks: Float64Array;
  private round = 0;
  private readonly stack: number[] = [];
  private position = 0;
  private isFound = false;
  private steps = 0;

  constructor(pattern: Pattern) {
    this.program = pattern.program;
    const count = this.program.op.length;
    this.current = new Int32Array(count);
    this.following = new Int32Array(count);
    this.marks = new Float64Array(count);
    this.begin();
  }

  /** Looks at the next bytes. @returns whether there is a match by now, whatever comes after it */
  feed(bytes: Uint8Array): boolean {
    for (let index = 0; index < bytes.length && !this.isFound && !this.isGivenUp; index++) {
      this.steps += this.currentCount;
      this.step(bytes[index] as number);
    }
    return this.isFound;
  }

  /** It has taken too long: nothing more is looked at, and nothing found. */
  get isGivenUp(): boolean {
    return this.steps > STEPS_MAX;
  }

  /** Whether there is a match if this is all: `$` holds here. */
  matchesHere(): boolean {
    if (this.isFound) return true;
    if (this.isGivenUp) return false;
    // A round of its own: what is reached only here is not to be marked when bytes do come.
    this.round++;
    for (let index = 0; index < this.currentCount; index++) {
      const state = this.current[index] as number;
      if (this.program.op[state] === Op.End) this.add(state + 1, true);
    }
    const found = this.isFound;
    this.isFound = false;
    return found;
  }

  private step(byte: number): void {
    const { op, x, sets } = this.program;
    this.round++;
    this.position++;
    this.followingCount = 0;
    for (let index = 0; index < this.currentCount; index++) {
      const state = this.current[index] as number;
      if (op[state] === Op.Set && sets[x[state] as number]?.[byte] === 1)
        this.add(state + 1, false);
    }
    this.begin();
  }

  /** A match may begin at any byte. Ends the round. */
  private begin(): void {
    if (this.round === 0) this.round = 1;
    this.add(0, false);
    [this.current, this.following] = [this.following, this.current];
    this.currentCount = this.followingCount;
    this.followingCount = 0;
  }

  /** Adds a state and all that is reached from it without a byte. */
  private add(first: number, isEnd: boolean): void {
    const { op, x, y } = this.program;
    const { stack, marks, round } = this;
    stack.push(first);
    while (stack.length > 0) {
      const state = stack.pop() as number;
      if (marks[state] === round) continue;
      marks[state] = round;
      switch (op[state]) {
        case Op.Jump:
          stack.push(x[state] as number);
          break;
        case Op.Split:
          stack.push(y[state] as number, x[state] as number);
          break;
        case Op.Start:
          if (this.position === 0) stack.push(state + 1);
          break;
        case Op.Match:
          this.isFound = true;
          break;
        case Op.End:
          if (isEnd) stack.push(state + 1);
          else this.following[this.followingCount++] = state;
          break;
        default:
          if (!isEnd) this.following[this.followingCount++] = state;
      }
    }
  }
}
