import { type Rule, refuse, scalar } from "./rule.ts";

/** The rule of a text that may be missing: `none` is the empty text. */
export function orNone(rule: Rule<string>): Rule<string> {
  return (value) => (value === "none" ? "" : rule(value));
}

/** The name that a certificate must be issued for. */
export function nameOfTls(value: unknown): string {
  if (typeof value === "string" && /^[\w.:-]{1,253}$/.test(value)) return value;
  return refuse(value, "a host name or an address, or none");
}

/** Application protocols (ALPN): a text with commas. */
export function protocols(value: unknown): readonly string[] {
  if (value === "none") return [];
  const names = typeof value === "string" ? value.split(",") : [];
  const areRight = names.every((one) => /^[\x21-\x7e]{1,255}$/.test(one));
  if (names.length > 0 && names.length <= 16 && areRight) return names;
  return refuse(value, "names of protocols apart by commas, or none");
}

const PATTERNS_MAX = 1_000;
const PATTERN = /^[\x21-\x7e]{1,255}$/;

/** Names of clients with `*` for any characters: a text with commas, or a list. */
export function namePatterns(value: unknown): readonly string[] {
  if (value === "none" || (Array.isArray(value) && value.length === 0)) return [];
  const all: readonly unknown[] = typeof value === "string" ? value.split(",") : scalarList(value);
  const expected =
    "names such as *.example.org or spiffe://example.org/*, apart by commas, or none";
  if (all.length > PATTERNS_MAX) return refuse(value, `up to ${PATTERNS_MAX} names`);
  return all.map((one) => {
    const pattern = typeof one === "string" ? one.trim() : "";
    return PATTERN.test(pattern) ? pattern : refuse(value, expected);
  });
}

function scalarList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Cipher suites of TLS 1.2 that this runtime knows, as OpenSSL writes them; `none` is the empty text. */
export function ciphers(value: unknown): string {
  if (value === "none") return "";
  const expected = "cipher suites such as ECDHE-RSA-AES128-GCM-SHA256, apart by colons, or none";
  const text = scalar(value);
  if (typeof text !== "string" || !/^[\w:+!@.-]{1,2000}$/.test(text))
    return refuse(value, expected);
  try {
    process.getBuiltinModule("node:tls").createSecureContext({ ciphers: text });
    return text;
  } catch {
    return refuse(value, expected);
  }
}
