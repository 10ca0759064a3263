const TAB = 9;
const VERTICAL_TAB = 11;
const FORM_FEED = 12;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const BACKSLASH = 92;

/** What a letter after a backslash stands for inside double quotes; other characters stand for
 *  themselves. */
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

/** Splits an inline command into its arguments: words separated by blanks, with "..." (escapes \n
 *  \r \t \b \a \xHH) and '...' (only \' is an escape). A closing quote must be followed by a blank
 *  or the end. A vertical tab or form feed belongs to a word, unless it stands before one or behind a
 *  closing quote.
 *  @returns copies of the arguments, none for a blank line, or undefined when the quotes do not
 *  balance. Source: sdssplitargs() in Redis' sds.c. */
export function splitInline(line: Uint8Array): Buffer[] | undefined {
  const args: Buffer[] = [];
  // An argument is never longer than its text, so one buffer of the line's size serves them all.
  const word = Buffer.allocUnsafe(line.length);
  let i = 0;
  for (;;) {
    while (i < line.length && isSpace(line[i])) i++;
    if (i >= line.length) return args;
    let size = 0;
    while (i < line.length && !isBlank(line[i])) {
      const byte = line[i] ?? 0;
      if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
        const quoted = readQuoted(line, i, word, size);
        if (quoted === undefined) return undefined;
        i = quoted.next;
        size = quoted.size;
        break;
      } else {
        word[size++] = byte;
        i++;
      }
    }
    args.push(Buffer.from(word.subarray(0, size)));
  }
}

/** Reads the quoted text that opens at `line[start]` and appends it to `word` from `size` on.
 *  @returns the index after the closing quote and the word's new size, or undefined when it never
 *  closes or something other than a blank follows it. */
function readQuoted(line: Uint8Array, start: number, word: Uint8Array, size: number) {
  const quote = line[start];
  let i = start + 1;
  let end = size;
  while (i < line.length) {
    const byte = line[i] ?? 0;
    if (byte === quote) {
      const next = i + 1;
      return next === line.length || isSpace(line[next]) ? { next, size: end } : undefined;
    }
    const following = line[i + 1];
    if (byte !== BACKSLASH || following === undefined) {
      word[end++] = byte;
      i++;
    } else if (quote === SINGLE_QUOTE) {
      // Between single quotes a backslash is an ordinary byte, unless it protects a quote.
      word[end++] = following === SINGLE_QUOTE ? following : byte;
      i += following === SINGLE_QUOTE ? 2 : 1;
    } else {
      const hex = hexEscape(line, i);
      word[end++] = hex ?? ESCAPES[String.fromCharCode(following)] ?? following;
      i += hex === undefined ? 2 : 4;
    }
  }
  return undefined;
}

/** The byte that `\xHH` at `line[i]` stands for; undefined if there is no such escape. */
function hexEscape(line: Uint8Array, i: number): number | undefined {
  const text = String.fromCharCode(...line.subarray(i, i + 4));
  return /^\\x[0-9a-f]{2}$/i.test(text) ? Number.parseInt(text.slice(2), 16) : undefined;
}

/** What ends a word. */
function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CARRIAGE_RETURN;
}

/** What is skipped before a word: `isspace()`. */
function isSpace(byte: number | undefined): boolean {
  return isBlank(byte) || byte === VERTICAL_TAB || byte === FORM_FEED;
}
