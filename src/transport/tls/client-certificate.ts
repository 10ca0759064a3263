import type { PeerCertificate } from "node:tls";
import type { TlsClient } from "./facts.ts";

/** Longer ones of a certificate are cut, and more of them are left out: a relay keeps them as long as it runs. */
const NAME_LENGTH_MAX = 255;
const NAMES_MAX = 16;

/** What a verified certificate says of a client; null if there is none. */
export function clientOf(certificate: PeerCertificate | undefined): TlsClient | null {
  const { fingerprint256, subject, subjectaltname = "" } = certificate ?? ({} as PeerCertificate);
  if (typeof fingerprint256 !== "string") return null;
  const commonName: unknown = subject?.CN;
  return {
    commonName: typeof commonName === "string" ? commonName.slice(0, NAME_LENGTH_MAX) : null,
    names: alternativeNames(subjectaltname),
    fingerprint: fingerprint256,
  };
}

/** Whether a certificate is valid at a time. @param now milliseconds, as `Date.now()` */
export function isInTime(certificate: PeerCertificate | undefined, now: number): boolean {
  const { valid_from: from = "", valid_to: until = "" } = certificate ?? ({} as PeerCertificate);
  return Date.parse(from) <= now && now <= Date.parse(until);
}

/** Whether one of a client's names is allowed. @param patterns with `*` for any characters; empty for any client */
export function isAllowed({ commonName, names }: TlsClient, patterns: readonly string[]): boolean {
  if (patterns.length === 0) return true;
  const all = commonName === null ? names : [commonName, ...names];
  return patterns.some((pattern) => all.some((name) => fits(name, pattern)));
}

/**
 * The names of a certificate: `DNS:a.example, URI:spiffe://x/y`. One with a comma or a quote is written as a
 * JSON text, so that nobody can make up a name inside of another one.
 */
function alternativeNames(text: string): string[] {
  const names: string[] = [];
  const one = /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)/y;
  while (one.lastIndex < text.length) {
    const found = one.exec(text);
    // Of a text that makes no sense nothing is believed.
    if (found === null) return [];
    const [, kind = "", quoted, plain] = found;
    const name = quoted === undefined ? plain : unquoted(quoted);
    if (name === undefined || !/^(DNS|URI|email)$/.test(kind)) continue;
    if (names.length < NAMES_MAX && name.length <= NAME_LENGTH_MAX) names.push(name);
  }
  return names;
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** Takes one step per character of the name and `*` of the pattern. */
function fits(name: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.toLowerCase().split("*");
  const text = name.toLowerCase();
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
