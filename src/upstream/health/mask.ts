import type { CheckOptions } from "./check-options.ts";

/** Stands in place of a secret. */
const VEIL = "***";
/** So much of a secret's beginning is one already: servers cut what they repeat. In bytes. */
const BEGINNING = 6;
/** Words of what a check sends that are no secret: commands, which begin their lines, and versions. */
const WORD_LENGTH_MIN = 4;
const VERSION = /^HTTP\//;

/**
 * Takes secrets out of what an upstream has answered, before anything of it is told. An upstream that
 * sends back what it gets must not get a password into a log or a page, whether it repeats it as it
 * is, or cut, in JSON, in a URL, in hex or in Base64. What it does otherwise to it stays readable: it
 * knows the password, and could tell it to whom it likes.
 */
export class Mask {
  /** As in answers that are read as latin1. */
  private readonly forms: readonly string[];

  constructor(secrets: readonly string[]) {
    this.forms = [...new Set(secrets.filter((one) => one !== "").flatMap(formsOf))];
  }

  /** For what is no answer, or comes where nothing secret was said. */
  static readonly none = new Mask([]);

  /** The secrets of a check: its password, and all but the commands of what it sends. */
  static of({ password, user, steps = [] }: CheckOptions): Mask {
    const sent = steps.flatMap((step) => ("send" in step ? wordsOf(step.send) : []));
    if (password === undefined) return new Mask(sent);
    // As HTTP's Basic has it.
    const login = Buffer.from(`${user ?? ""}:${password}`)
      .toString("base64")
      .replace(/=+$/, "");
    return new Mask([password, login, ...sent]);
  }

  /** An answer without them. */
  over(answer: Uint8Array): Uint8Array {
    if (this.forms.length === 0) return answer;
    return Buffer.from(this.overText(Buffer.from(answer).toString("latin1")), "latin1");
  }

  /** The same for an answer that was read as latin1. */
  overText(answer: string): string {
    let clean = "";
    let from = 0;
    for (let at = 0; at < answer.length; ) {
      const size = Math.max(0, ...this.forms.map((form) => sizeAt(answer, at, form)));
      if (size === 0) {
        at++;
        continue;
      }
      clean += `${answer.slice(from, at)}${VEIL}`;
      at += size;
      from = at;
    }
    return this.forms.reduce(withoutEnd, clean + answer.slice(from));
  }
}

/** How much of a secret there is at a place of a text, at least its beginning; else 0. */
function sizeAt(text: string, at: number, secret: string): number {
  if (!text.startsWith(secret.slice(0, BEGINNING), at)) return 0;
  let size = Math.min(BEGINNING, secret.length);
  while (size < secret.length && text[at + size] === secret[size]) size++;
  return size;
}

/** More of the answer may come: half of a beginning at its end counts. */
function withoutEnd(text: string, secret: string): string {
  for (let size = Math.min(BEGINNING, secret.length) - 1; size >= BEGINNING / 2; size--) {
    if (text.endsWith(secret.slice(0, size))) return `${text.slice(0, -size)}${VEIL}`;
  }
  return text;
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  return [
    bytes.toString("latin1"),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    base64,
    base64.replaceAll("+", "-").replaceAll("/", "_"),
  ].map((form) => Buffer.from(form).toString("latin1"));
}

function wordsOf(sent: Uint8Array): string[] {
  const lines = Buffer.from(sent)
    .toString("latin1")
    .split(/[\r\n]+/);
  const words = lines.flatMap((line) => line.trim().split(/\s+/).slice(1));
  return words.filter((word) => word.length >= WORD_LENGTH_MIN && !VERSION.test(word));
}
