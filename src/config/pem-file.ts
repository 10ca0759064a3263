import { ConfigError, describe } from "../base/error.ts";
import { readRegularFile } from "../system/regular-file.ts";
import { veiled } from "./secrets.ts";

/** Most bytes that a file may have: all authorities that a system trusts take a quarter of it. */
const FILE_BYTES_MAX = 1024 * 1024;

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/** Not imported: only who names a file has to wait until it is loaded, and not every start. */
const crypto = () => process.getBuiltinModule("node:crypto");

/**
 * Reads the certificates of a file.
 *
 * @param path a file's path
 * @returns them, at least one, in PEM without what may stand around them
 * @throws ConfigError when it cannot be read, or has none or one that is broken
 */
export function certificates(path: unknown): string {
  const [, ...parts] = readText(path).split(BEGIN);
  if (parts.length === 0) throw new ConfigError(`${describe(path)}: has no certificate (PEM)`);
  const found = parts.map((part) => `${BEGIN}${part.split(END, 1)}${END}\n`);
  // Whoever uses them takes those that are right and says nothing of the others.
  const broken = found.findIndex((pem) => !isRead(() => new (crypto().X509Certificate)(pem)));
  if (broken === -1) return found.join("");
  throw new ConfigError(`${describe(path)}: certificate ${broken + 1} of it is broken`);
}

/**
 * Reads a private key from a file.
 *
 * @param path a file's path
 * @returns the whole of it
 * @throws ConfigError when it cannot be read or has none that could be used as it is
 */
export function privateKey(path: unknown): string {
  const text = readText(path);
  if (isRead(() => crypto().createPrivateKey(text))) return text;
  throw new ConfigError(`${describe(path)}: has no private key without a passphrase (PEM)`);
}

/** Whether a key is that of the first one of some certificates; both as they were read. */
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
  // It may be the key itself, in the place of its path.
  if (typeof path !== "string" || path === "" || /-----|[\r\n]/.test(path)) {
    throw new ConfigError(`${veiled(path)}: expected ${expected}`);
  }
  const limits = { bytesMax: FILE_BYTES_MAX, kind: "a certificate or a key" };
  return readRegularFile(path, describe(path), limits).toString("latin1");
}
