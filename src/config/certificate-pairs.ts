import { ConfigError, describe } from "../base/error.ts";
import { hostPattern } from "../base/host-name-table.ts";
import { formatDay } from "../base/quantity.ts";
import type { CertificatePair } from "../transport/tls/server-options.ts";
import { belong, certificates, privateKey } from "./pem-file.ts";
import { isTable } from "./plain.ts";
import { refuse } from "./rule.ts";
import { veiled } from "./secrets.ts";

/** A certificate of a listener, as a file or a program writes it. */
export interface CertificateConfig {
  /** A file with the certificate and those that lead to its authority (PEM). */
  readonly cert: string;
  /** A file with its private key, without a passphrase (PEM). */
  readonly key: string;
  /** The host names that it is shown for, exact or such as `*.example.org`; by default, those that it is issued for. */
  readonly names?: string | readonly string[];
}

const KEYS: readonly string[] = ["cert", "key", "names"];
const EXPECTED = "CERT+KEY, two files, or a list of tables with cert and key";
/** More than a person writes down. */
const CERTIFICATES_MAX = 1_000;

/** The certificates of a listener: a list of tables, or a text such as `a.pem+a.key,b.pem+b.key`. */
export function certificatePairs(value: unknown): readonly CertificatePair[] {
  if (value === "off" || value === false) return [];
  const items: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(items) || items.length === 0) return refuseVeiled(value);
  if (items.length > CERTIFICATES_MAX) {
    throw new ConfigError(`expected up to ${CERTIFICATES_MAX} certificates, not ${items.length}`);
  }
  return items.map((item, index) => {
    try {
      return pairOf(typeof item === "string" ? tableOf(item.trim()) : item);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(`[${index}] ${error.message}`);
    }
  });
}

/** What stands there may be a key itself, where its path belongs. */
function refuseVeiled(value: unknown): never {
  throw new ConfigError(`${veiled(value)}: expected ${EXPECTED}`);
}

function tableOf(text: string): unknown {
  const [cert, key, ...rest] = text.split("+");
  return key === undefined || rest.length > 0 ? refuseVeiled(text) : { cert, key };
}

function pairOf(item: unknown): CertificatePair {
  if (!isTable(item)) return refuseVeiled(item);
  const given = item as Readonly<Record<string, unknown>>;
  const stray = Object.keys(given).some((key) => !KEYS.includes(key));
  if (stray) throw new ConfigError(`expected no other keys than ${KEYS.join(", ")}`);
  if (given.cert === undefined) throw new ConfigError("cert is missing: the file of a certificate");
  if (given.key === undefined) throw new ConfigError("key is missing: the file of a private key");
  const names = given.names === undefined ? null : namesOf(given.names);
  return readPair(given.cert, given.key, names);
}

/**
 * Reads a certificate and its key.
 *
 * @param names null for those that it is issued for
 * @throws ConfigError if a file cannot be read, is broken, or the key is not the certificate's
 */
export function readPair(
  certPath: unknown,
  keyPath: unknown,
  names: readonly string[] | null,
): CertificatePair {
  const [cert, key] = [certificates(certPath), privateKey(keyPath)];
  if (!belong(cert, key)) throw new ConfigError(`${describe(keyPath)}: is not the key of cert`);
  const files = { cert: String(certPath), key: String(keyPath), isNamed: names !== null };
  return { cert, key, names: names ?? namesIn(cert), files };
}

function namesOf(value: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : String(value).split(",");
  const expected = "a host name, or a wildcard such as *.example.org";
  return all.map((one) => {
    const name = typeof one === "string" ? hostPattern(one.trim()) : null;
    return name ?? refuse(one, expected);
  });
}

/** A certificate as a plan shows it: `a.example.org until 2027-01-31`. */
export function shownPair({ cert, names }: CertificatePair): string {
  return `${names.join(" ") || "no name"} until ${formatDay(validityOf(cert).until)}`;
}

/** When a certificate is valid, in milliseconds since 1970. */
export function validityOf(cert: string): { readonly from: number; readonly until: number } {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const { validFrom, validTo } = new X509Certificate(cert);
  return { from: Date.parse(validFrom), until: Date.parse(validTo) };
}

/** Why a certificate cannot be shown now; null if it can. @param now milliseconds since 1970 */
export function outOfTime(cert: string, now: number): string | null {
  const { from, until } = validityOf(cert);
  if (until < now) return `has expired on ${formatDay(until)}`;
  return from > now ? `is not valid before ${formatDay(from)}` : null;
}

/** The host names that a certificate is issued for; its common name only if there are no others. */
export function namesIn(cert: string): readonly string[] {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const { subject, subjectAltName = "" } = new X509Certificate(cert);
  const names = subjectAltName.split(", ").flatMap((one) => /^DNS:(.+)$/.exec(one)?.[1] ?? []);
  const common = /^CN=(.+)$/m.exec(subject)?.[1];
  const all = names.length > 0 || common === undefined ? names : [common];
  return [...new Set(all.flatMap((name) => hostPattern(name) ?? []))];
}
