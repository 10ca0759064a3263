import type { CheckOptions } from "./check-options.ts";

/** Replaces a secret. */
const VEIL = "***";
/**
 * This many bytes of a secret's beginning already count, because servers truncate what they repeat.
 */
const BEGINNING = 6;
/**
 * Words of a check's messages that are not secrets: short ones, each line's first one, and
 * versions.
 */
const WORD_LENGTH_MIN = 4;
const VERSION = /^HTTP\//;

/**
 * Removes secrets from an upstream's answer before any of it is logged or shown. An upstream that
 * echoes what it gets must not put a password into a log or a page: not as it is, truncated, in
 * JSON, in a URL, in hex or in Base64. Other transformations stay readable: the upstream knows the
 * password anyway, and could give it to anyone.
 */
export class Mask {
  /** The forms to look for in an answer, read as latin1. */
  private readonly forms: readonly string[];

  constructor(secrets: readonly string[]) {
    this.forms = [...new Set(secrets.filter((one) => one !== "").flatMap(formsOf))];
  }

  /** For text that is no answer, or that arrives before any secret was sent. */
  static readonly none = new Mask([]);

  /** Masks the secrets of a check: its password, and everything that it sends except commands. */
  static of({ password, user, steps = [] }: CheckOptions): Mask {
    const sent = steps.flatMap((step) => ("send" in step ? wordsOf(step.send) : []));
    if (password === undefined) return new Mask(sent);
    // As HTTP Basic authentication encodes it.
    const login = Buffer.from(`${user ?? ""}:${password}`)
      .toString("base64")
      .replace(/=+$/, "");
    return new Mask([password, login, ...sent]);
  }

  /** Returns an answer without its secrets. */
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

/** How many bytes of a secret stand at this place, if at least its beginning does; otherwise 0. */
function sizeAt(text: string, at: number, secret: string): number {
  if (!text.startsWith(secret.slice(0, BEGINNING), at)) return 0;
  let size = Math.min(BEGINNING, secret.length);
  while (size < secret.length && text[at + size] === secret[size]) size++;
  return size;
}

/** More of the answer may come, so half of a beginning at its end counts, too. */
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
