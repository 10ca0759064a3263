import { type Clock, systemClock } from "../../base/clock.ts";
import { ConfigError, describe } from "../../base/error.ts";
import { outOfTime, readPair } from "../../config/certificate-pairs.ts";
import type { WantedListener } from "../../config/options.ts";
import { certificates } from "../../config/pem-file.ts";
import type { CertificatePair, TlsServerOptions } from "../../transport/tls/server-options.ts";

/** Something of a listener's TLS that was read from files and can be read from them again. */
export interface Renewable {
  /** The same for what has the same files and names, whatever listener has it. */
  readonly key: string;
  /** For messages: `the certificate of a.example.org`. */
  readonly what: string;
  readonly files: readonly string[];
  /**
   * Reads the files again.
   *
   * @throws ConfigError if what is there now cannot be used
   */
  read(): CertificatePair | string;
}

/** What was read again, by {@link Renewable.key}. */
export type Renewed = ReadonlyMap<string, CertificatePair | string>;

/** All of the listeners' certificates and authorities that are read from files, each once. */
export function renewablesOf(
  listeners: readonly WantedListener[],
  clock: Pick<Clock, "wall"> = systemClock,
): Map<string, Renewable> {
  const all = new Map<string, Renewable>();
  const seen = new Set<TlsServerOptions>();
  for (const { tls } of listeners) {
    // The ports of a range share it.
    if (tls === null || seen.has(tls)) continue;
    seen.add(tls);
    for (const pair of tls.certificates) all.set(keyOfPair(pair), renewablePair(pair, clock));
    const { ca, caFile } = tls;
    if (ca !== null && caFile !== null) all.set(keyOfAuthorities(caFile), authorities(caFile));
  }
  return all;
}

/** A listener with what was read again of it; the same object if that is nothing. */
export function renewedListener<Listener extends WantedListener>(
  listener: Listener,
  renewed: Renewed,
): Listener {
  const { tls } = listener;
  if (tls === null) return listener;
  const { ca, caFile } = tls;
  const pairs = tls.certificates.map((pair) => pairIn(renewed, pair));
  const newCa = caFile === null ? ca : textIn(renewed, caFile, ca);
  const isSame = newCa === ca && pairs.every((pair, index) => pair === tls.certificates[index]);
  return isSame ? listener : { ...listener, tls: { ...tls, certificates: pairs, ca: newCa } };
}

function pairIn(renewed: Renewed, pair: CertificatePair): CertificatePair {
  const found = renewed.get(keyOfPair(pair));
  if (found === undefined || typeof found === "string") return pair;
  return isSamePair(found, pair) ? pair : found;
}

function textIn(renewed: Renewed, file: string, ca: string | null): string | null {
  const found = renewed.get(keyOfAuthorities(file));
  return typeof found === "string" ? found : ca;
}

function isSamePair(one: CertificatePair, other: CertificatePair): boolean {
  return one.cert === other.cert && one.key === other.key;
}

function keyOfPair({ files: { cert, key, isNamed }, names }: CertificatePair): string {
  return JSON.stringify([cert, key, isNamed ? names : null]);
}

function keyOfAuthorities(file: string): string {
  return JSON.stringify([file]);
}

function renewablePair(pair: CertificatePair, clock: Pick<Clock, "wall">): Renewable {
  const { files, names } = pair;
  return {
    key: keyOfPair(pair),
    what: `the certificate ${names[0] === undefined ? describe(files.cert) : `of ${names[0]}`}`,
    files: [files.cert, files.key],
    read() {
      const read = readPair(files.cert, files.key, files.isNamed ? names : null);
      if (isSamePair(read, pair)) return pair;
      const problem = outOfTime(read.cert, clock.wall());
      if (problem !== null) throw new ConfigError(`${describe(files.cert)}: ${problem}`);
      return read;
    },
  };
}

function authorities(file: string): Renewable {
  return {
    key: keyOfAuthorities(file),
    what: `the authorities in ${describe(file)}`,
    files: [file],
    read: () => certificates(file),
  };
}
