import { ConfigError, describe } from "../../base/error.ts";

/** Longest regular expression, in characters. */
const PATTERN_LENGTH_MAX = 1_000;

/**
 * Longest expression when its repetitions are written out, in characters. RE2JS would build a
 * million states first, in 0.6 s and 180 MiB, before anything could see that there are too many.
 */
const WRITTEN_OUT_MAX = 10_000;

/** One character of an expression, or a backslash with what it escapes. */
const TOKENS = /\\(?:x[\da-fA-F]{2}|0\d|.)|./gsu;

/** Escapes that JavaScript and RE2 read alike; \0 before a digit is an octal number elsewhere. */
const ESCAPE = /^\\(?:[dDwWsSbBrntfv0]|x..|[!-/:-@[-^`{-~])$/;

/**
 * Translates an expression for RE2JS: it matches bytes, each of which is one character to RE2JS,
 * and its groups capture nothing. Syntax that JavaScript and RE2 read differently is refused. What
 * remains is literals, `.` (neither `\r` nor `\n`), classes, `\d \D \w \W \s \S \b \B`, `\r \n \t
 * \f \v \0 \xHH`, groups `( )` and `(?: )`, `|`, `* + ? {m} {m,} {m,n}`, `^` and `$`. A character
 * beyond ASCII stands for the bytes of its UTF-8 form. RE2JS itself finds brackets that do not
 * match.
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
      refuse(source, `${describe(token)} ${at} is not supported`);
    }
    if (isInClass) {
      if (token > "\x7f") {
        refuse(source, `${describe(token)} ${at}: only ASCII may stand in brackets`);
      }
      // Two brackets would begin a named class.
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
      refuse(source, `${most} when its repetitions are written out`);
    }
  }
  return text;
}

/** Why another engine would read a token differently; null if it would not. */
function misreadBy(token: string, rest: string): string | null {
  if (token === "(" && rest.startsWith("?") && !rest.startsWith("?:")) {
    return "of the groups with ?, only (?: ) is supported";
  }
  if (token === "{" && !/^\d+(?:,\d*)?\}/.test(rest)) {
    return "expected {m}, {m,} or {m,n}, or \\{ for the character";
  }
  return token === "[" && /^\^?\]/.test(rest) ? "the brackets are empty" : null;
}

function outsideClass(token: string, rest: string): string {
  if (token === ".") return "[^\\r\\n]";
  if (token === "(" && !rest.startsWith("?")) return "(?:";
  return token > "\x7f" ? `(?:${Buffer.from(token).toString("latin1")})` : token;
}

/** Measures an expression with its repetitions written out; the result may be a little too high. */
class WrittenOut {
  /** The length of each open group, the outermost first. */
  private readonly groups = [0];
  /** The length of what a count would repeat. */
  private last = 0;

  /** @returns the length so far of the innermost open group */
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
