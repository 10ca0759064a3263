import { ConfigError, describe } from "../../base/error.ts";

/** Longest regular expression, in characters. */
const PATTERN_LENGTH_MAX = 1_000;

/**
 * Most characters of an expression when each counts as often as it is repeated: RE2JS would first make
 * a million states of them, in 0.6 s and 180 MiB, before anybody could see that these are too many.
 */
const WRITTEN_OUT_MAX = 10_000;

/** One character of an expression, or a backslash with what it changes. */
const TOKENS = /\\(?:x[\da-fA-F]{2}|0\d|.)|./gsu;

/** Escapes that JavaScript and RE2 read in the same sense; \0 before a digit is an octal number elsewhere. */
const ESCAPE = /^\\(?:[dDwWsSbBrntfv0]|x..|[!-/:-@[-^`{-~])$/;

/**
 * An expression as RE2JS is to read it: about bytes, each of which is a character to it, and without groups that are
 * remembered. What JavaScript and RE2 read in different senses is refused: what is left is literals,
 * `.` (neither `\r` nor `\n`), classes, `\d \D \w \W \s \S \b \B`, `\r \n \t \f \v \0 \xHH`, groups `( )` and
 * `(?: )`, `|`, `* + ? {m} {m,} {m,n}`, `^` and `$`. A character beyond ASCII stands for the bytes of
 * its UTF-8 form. Whether brackets match is seen by RE2JS.
 *
 * @throws ConfigError with one sentence that begins with the quoted expression
 */
export function inRe2Syntax(source: string): string {
  if (source.length > PATTERN_LENGTH_MAX) {
    refuse(source, `a regular expression has at most ${PATTERN_LENGTH_MAX} characters`);
  }
  let text = "";
  let isInClass = false;
  const size = new WrittenOut();
  for (const { 0: token, index } of source.matchAll(TOKENS)) {
    const rest = source.slice(index + token.length);
    const at = `at ${index + 1}`;
    if (token === "\\") refuse(source, "nothing follows the last backslash");
    if (token.startsWith("\\") && !ESCAPE.test(token)) {
      refuse(source, `${describe(token)} ${at} is not known`);
    }
    if (isInClass) {
      if (token > "\x7f") {
        refuse(source, `${describe(token)} ${at}: only ASCII may stand in brackets`);
      }
      // Two brackets would begin a class that has a name.
      text += token === "[" ? "\\[" : token;
      isInClass = token !== "]";
      continue;
    }
    const misread = misreadBy(token, rest);
    if (misread !== null) refuse(source, `"${token}" ${at}: ${misread}`);
    text += outsideClass(token, rest);
    isInClass = token === "[";
    if (size.add(token, rest) > WRITTEN_OUT_MAX) {
      const most = `a regular expression has at most ${WRITTEN_OUT_MAX} characters`;
      refuse(source, `${most} when its counts are written out`);
    }
  }
  return text;
}

/** Why others would read it in another sense than whoever wrote it; null when they do not. */
function misreadBy(token: string, rest: string): string | null {
  if (token === "(" && rest.startsWith("?") && !rest.startsWith("?:")) {
    return "of those with ? only (?: ) is known";
  }
  if (token === "{" && !/^\d+(?:,\d*)?\}/.test(rest)) {
    return "expected {m}, {m,} or {m,n}, or \\{ for the character";
  }
  return token === "[" && /^\^?\]/.test(rest) ? "nothing is in the brackets" : null;
}

function outsideClass(token: string, rest: string): string {
  if (token === ".") return "[^\\r\\n]";
  if (token === "(" && !rest.startsWith("?")) return "(?:";
  return token > "\x7f" ? `(?:${Buffer.from(token).toString("latin1")})` : token;
}

/** How long an expression is when its counts are written out, or a little more. */
class WrittenOut {
  /** Of each group that is open, the outermost first. */
  private readonly groups = [0];
  /** Of what a count would repeat. */
  private last = 0;

  /** @returns the length so far of the group that is open */
  add(token: string, rest: string): number {
    if (token === "(") this.groups.push(0);
    const [, least, most = least] = (token === "{" && /^(\d+),?(\d+)?\}/.exec(rest)) || [];
    if (least !== undefined) this.last *= Math.max(0, Number(most) - 1);
    else this.last = token === ")" && this.groups.length > 1 ? (this.groups.pop() as number) : 1;
    const group = this.groups.length - 1;
    this.groups[group] = (this.groups[group] as number) + this.last;
    return this.groups[group] as number;
  }
}

function refuse(source: string, why: string): never {
  throw new ConfigError(`${describe(source)}: ${why}`);
}
