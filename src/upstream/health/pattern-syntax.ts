import { ConfigError, describe } from "../../config/error.ts";

/** A set of bytes: 1 for each byte that is in it, 256 of them. */
export type ByteSet = Uint8Array;

/** A part of a regular expression. */
export type PatternNode =
  | { readonly is: "set"; readonly set: ByteSet }
  | { readonly is: "start" }
  | { readonly is: "end" }
  | { readonly is: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly is: "choice"; readonly branches: readonly PatternNode[] }
  | Repeat;

/** `least`…`most` times the body; `most` may be Infinity. */
export interface Repeat {
  readonly is: "repeat";
  readonly body: PatternNode;
  readonly least: number;
  readonly most: number;
}

/** Longest regular expression, in characters: it also bounds how deep groups are nested. */
const PATTERN_LENGTH_MAX = 1_000;

/** Most that a count in braces may say. */
const COUNT_MAX = 1_000;

const LINE_ENDS = setOf(0x0a, 0x0d);
const DIGITS = range(0x30, 0x39);
const WORD = union(DIGITS, range(0x41, 0x5a), range(0x61, 0x7a), setOf(0x5f));
const SPACES = union(range(0x09, 0x0d), setOf(0x20));

/** The bytes of a class' escape, such as `\d`. */
const CLASS_ESCAPES: Readonly<Record<string, ByteSet>> = {
  d: DIGITS,
  D: inverse(DIGITS),
  w: WORD,
  W: inverse(WORD),
  s: SPACES,
  S: inverse(SPACES),
};

/** The byte of an escape that is a letter. */
const LETTER_ESCAPES: Readonly<Record<string, number>> = {
  r: 0x0d,
  n: 0x0a,
  t: 0x09,
  f: 0x0c,
  v: 0x0b,
  "0": 0x00,
};

/**
 * Reads a regular expression. Its syntax is a part of JavaScript's, and what it does not know is
 * refused rather than read in another sense: literals, `.`, classes, `\d \D \w \W \s \S`,
 * `\r \n \t \f \v \0 \xHH`, groups `( )` and `(?: )`, `|`, `* + ? {m} {m,} {m,n}`, `^` and `$`. It is
 * about bytes: a character beyond ASCII stands for the bytes of its UTF-8 form.
 *
 * @throws ConfigError with one sentence that begins with the quoted expression
 */
export function parsePattern(text: string): PatternNode {
  return new Parser(text).parse();
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  parse(): PatternNode {
    if (this.text.length > PATTERN_LENGTH_MAX) {
      this.refuse(`a regular expression has at most ${PATTERN_LENGTH_MAX} characters`);
    }
    const node = this.choice();
    if (this.at < this.text.length) this.refuse(`")" at ${this.at + 1} closes nothing`);
    return node;
  }

  /** Up to the end, or to the `)` that ends the group. */
  private choice(): PatternNode {
    const branches = [this.sequence()];
    while (this.take("|")) branches.push(this.sequence());
    return branches.length === 1 ? (branches[0] as PatternNode) : { is: "choice", branches };
  }

  private sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.at < this.text.length && this.next !== "|" && this.next !== ")") {
      parts.push(this.repeated());
    }
    return { is: "sequence", parts };
  }

  private repeated(): PatternNode {
    const startedAt = this.at;
    const body = this.atom();
    const count = this.count();
    if (count === null) return body;
    if (body.is === "start" || body.is === "end") {
      this.refuse(`${describe(this.text[startedAt])} at ${startedAt + 1} cannot be repeated`);
    }
    // `+?` and its like prefer fewer: whether there is a match does not depend on it.
    this.take("?");
    if (this.at < this.text.length && "*+?{".includes(this.next)) {
      this.refuse(`nothing to repeat before ${describe(this.next)} at ${this.at + 1}`);
    }
    return { is: "repeat", body, ...count };
  }

  private count(): { least: number; most: number } | null {
    if (this.take("*")) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.take("+")) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.take("?")) return { least: 0, most: 1 };
    if (this.next !== "{") return null;
    const [whole, first, comma, second] =
      /^\{(\d{1,9})(,)?(\d{1,9})?\}/.exec(this.text.slice(this.at)) ?? [];
    if (whole === undefined || (comma === undefined && second !== undefined)) {
      this.refuse(`"{" at ${this.at + 1}: expected {m}, {m,} or {m,n}, or \\{ for the character`);
    }
    const least = Number(first);
    const most = comma === undefined ? least : Number(second ?? Number.POSITIVE_INFINITY);
    if (least > COUNT_MAX || (most > COUNT_MAX && second !== undefined)) {
      this.refuse(`${whole} at ${this.at + 1}: a count is at most ${COUNT_MAX}`);
    }
    if (least > most) this.refuse(`${whole} at ${this.at + 1}: the counts are out of order`);
    this.at += whole.length;
    return { least, most };
  }

  private atom(): PatternNode {
    const startedAt = this.at;
    const character = this.character();
    switch (character) {
      case "(":
        return this.group(startedAt);
      case "[":
        return { is: "set", set: this.byteClass(startedAt) };
      case ".":
        return { is: "set", set: inverse(LINE_ENDS) };
      case "^":
        return { is: "start" };
      case "$":
        return { is: "end" };
      case "\\": {
        const escaped = this.escape();
        return { is: "set", set: typeof escaped === "number" ? setOf(escaped) : escaped };
      }
      case "*":
      case "+":
      case "?":
        return this.refuse(`nothing to repeat before "${character}" at ${startedAt + 1}`);
      case "{":
      case "}":
      case "]":
        return this.refuse(
          `"${character}" at ${startedAt + 1}: write \\${character} for the character`,
        );
      default: {
        const sets = Array.from(Buffer.from(character), (byte) => setOf(byte));
        const parts = sets.map((set) => ({ is: "set", set }) as const);
        return parts.length === 1 ? (parts[0] as PatternNode) : { is: "sequence", parts };
      }
    }
  }

  private group(startedAt: number): PatternNode {
    if (this.take("?") && !this.take(":")) {
      this.refuse(`"(?" at ${startedAt + 1}: of these only (?: ) is known`);
    }
    const body = this.choice();
    if (!this.take(")")) this.refuse(`"(" at ${startedAt + 1} is not closed`);
    return body;
  }

  /** The rest of a class, whose `[` was taken. */
  private byteClass(startedAt: number): ByteSet {
    const isInverse = this.take("^");
    const set = new Uint8Array(256);
    let isEmpty = true;
    while (!this.take("]")) {
      const first = this.classAtom(startedAt);
      isEmpty = false;
      if (this.next === "-" && this.text[this.at + 1] !== "]" && this.at + 1 < this.text.length) {
        this.at++;
        const last = this.classAtom(startedAt);
        if (typeof first !== "number" || typeof last !== "number" || first > last) {
          this.refuse(`"[" at ${startedAt + 1}: a range goes from one byte up to another`);
        }
        add(set, range(first, last));
      } else {
        add(set, typeof first === "number" ? setOf(first) : first);
      }
    }
    if (isEmpty) this.refuse(`"[" at ${startedAt + 1}: nothing is in the brackets`);
    return isInverse ? inverse(set) : set;
  }

  private classAtom(startedAt: number): number | ByteSet {
    if (this.at >= this.text.length) this.refuse(`"[" at ${startedAt + 1} is not closed`);
    const character = this.character();
    if (character === "\\") return this.escape();
    const code = character.codePointAt(0) as number;
    if (code > 0x7f) {
      this.refuse(`${describe(character)} at ${this.at}: only ASCII may stand in brackets`);
    }
    return code;
  }

  /** What follows a backslash. */
  private escape(): number | ByteSet {
    if (this.at >= this.text.length) this.refuse("nothing follows the last backslash");
    const character = this.character();
    const known = CLASS_ESCAPES[character] ?? LETTER_ESCAPES[character];
    // \0 before a digit is an octal number elsewhere.
    if (known !== undefined && !(character === "0" && /\d/.test(this.next))) return known;
    if (character === "x") {
      const digits = /^[\da-f]{2}/i.exec(this.text.slice(this.at))?.[0];
      if (digits === undefined) this.refuse(`"\\x" at ${this.at - 1}: expected \\x and two digits`);
      this.at += 2;
      return Number.parseInt(digits, 16);
    }
    if (/[^\w\s]/.test(character) && character.length === 1 && character <= "\x7f") {
      return character.charCodeAt(0);
    }
    return this.refuse(
      `${describe(`\\${character}`)} at ${this.at - character.length} is not known`,
    );
  }

  /** The character at hand, or "" at the end. */
  private get next(): string {
    return this.text[this.at] ?? "";
  }

  /** Takes one whole character, of whatever plane. */
  private character(): string {
    const character = String.fromCodePoint(this.text.codePointAt(this.at) as number);
    this.at += character.length;
    return character;
  }

  private take(character: string): boolean {
    if (this.next !== character) return false;
    this.at++;
    return true;
  }

  private refuse(why: string): never {
    throw new ConfigError(`${describe(this.text)}: ${why}`);
  }
}

function setOf(...bytes: number[]): ByteSet {
  const set = new Uint8Array(256);
  for (const byte of bytes) set[byte] = 1;
  return set;
}

function range(first: number, last: number): ByteSet {
  return new Uint8Array(256).fill(1, first, last + 1);
}

function inverse(set: ByteSet): ByteSet {
  return set.map((isIn) => 1 - isIn);
}

function add(set: ByteSet, more: ByteSet): void {
  for (let byte = 0; byte < 256; byte++) if (more[byte] === 1) set[byte] = 1;
}

function union(...sets: ByteSet[]): ByteSet {
  const all = new Uint8Array(256);
  for (const set of sets) add(all, set);
  return all;
}
