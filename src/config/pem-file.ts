import { ConfigError, describe } from "../base/error.ts";
import { readRegularFile } from "../system/regular-file.ts";
import { veiled } from "./secrets.ts";

/** The most bytes of a file: all authorities that a system trusts take a quarter of it. */
const FILE_BYTES_MAX = 1024 * 1024;

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/** Loaded only if a setting names a file, so that other starts do not wait for it. */
const crypto = () => process.getBuiltinModule("node:crypto");

/**
 * Reads the certificates of a file.
 *
 * @returns at least one certificate in PEM, without any text around them
 * @throws ConfigError if the file cannot be read, or has no certificate or a broken one
 */
export function certificates(path: unknown): string {
  const [, ...parts] = readText(path).split(BEGIN);
  if (parts.length === 0) throw new ConfigError(`${describe(path)}: has no certificate (PEM)`);
  const found = parts.map((part) => `${BEGIN}${part.split(END, 1)}${END}\n`);
  // TLS would silently ignore a broken one.
  const broken = found.findIndex((pem) => !isRead(() => new (crypto().X509Certificate)(pem)));
  if (broken === -1) return found.join("");
  throw new ConfigError(`${describe(path)}: its certificate ${broken + 1} is broken`);
}

/**
 * Reads a private key from a file.
 *
 * @returns the whole file
 * @throws ConfigError if the file cannot be read, or has no key that works without a passphrase
 */
export function privateKey(path: unknown): string {
  const text = readText(path);
  if (isRead(() => crypto().createPrivateKey(text))) return text;
  throw new ConfigError(`${describe(path)}: has no private key without a passphrase (PEM)`);
}

/**
 * Whether a key belongs to the first of some certificates. Both are texts as read from their files.
 */
export function belong(certificates: string, key: string): boolean {
  const { createPrivateKey, X509Certificate } = crypto();
  return new X509Certificate(certificates).checkPrivateKey(createPrivateKey(key));
}

function isRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

function readText(path: unknown): string {
  const expected = "the path of a file, or none";
  // It may be the key itself instead of its path.
  if (typeof path !== "string" || path === "" || /-----|[\r\n]/.test(path)) {
    throw new ConfigError(`${veiled(path)}: expected ${expected}`);
  }
  const limits = { bytesMax: FILE_BYTES_MAX, kind: "a certificate or a key" };
  return readRegularFile(path, describe(path), limits).toString("latin1");
}
