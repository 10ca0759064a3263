import type { X509Certificate } from "node:crypto";
import { formatAddress } from "../base/address.ts";
import { HostNameTable } from "../base/host-name-table.ts";
import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import type { CertificatePair, TlsServerOptions } from "../transport/tls/server-options.ts";

/** What is right about the TLS of clients and yet hardly meant: certificates that clients will not take. */
export function tlsWarnings(listeners: readonly WantedListener[]): readonly string[] {
  // Addresses with one name have the same certificates.
  return [...new Set(listeners.flatMap(ofListener))];
}

function ofListener(listener: WantedListener): string[] {
  const { mirror, routes, tls } = listener;
  if (tls === null) return [];
  const name = `listener ${nameOfListener(listener, listener.address)}`;
  const shown = tls.certificates.map((pair) => ({ pair, read: readOf(pair) }));
  const wanted = routes.flatMap((route) => route.names);
  return [
    ...shown.flatMap(({ read }) => outOfTime(read).map((what) => `${name}: ${what}`)),
    ...shown.flatMap(({ pair: { names }, read }) =>
      names
        .filter((one) => !covers(read, one))
        .map((one) => `${name}: the certificate of ${subjectOf(read)} is not issued for ${one}`),
    ),
    ...uncovered(tls, wanted).map((one) => `${name}: no certificate covers ${one}`),
    ...(mirror === null || mirror.plainText === true
      ? []
      : [
          `${name}: ${formatAddress(mirror.address)} gets no copies, as clients' TLS ends here: ` +
            "set mirrorPlainText if it may have the plain text",
        ]),
  ];
}

function readOf({ cert }: CertificatePair): X509Certificate {
  return new (process.getBuiltinModule("node:crypto").X509Certificate)(cert);
}

function outOfTime(read: X509Certificate): string[] {
  const now = Date.now();
  const told = (verb: string, when: string) =>
    `the certificate of ${subjectOf(read)} ${verb} ${new Date(when).toISOString().slice(0, 10)}`;
  if (Date.parse(read.validTo) < now) return [told("has expired on", read.validTo)];
  if (Date.parse(read.validFrom) > now) return [told("is not valid before", read.validFrom)];
  return [];
}

/** Names of routes for which a client would be shown a certificate that it cannot take. */
function uncovered({ certificates }: TlsServerOptions, wanted: readonly string[]): string[] {
  const [first] = certificates;
  if (first === undefined) return [];
  const table = new HostNameTable<CertificatePair>(
    certificates.flatMap((pair) => pair.names.map((name) => [name, pair] as const)),
    first,
    "one",
  );
  const pairFor = (name: string) => {
    const same = certificates.find(({ names }) => names.includes(name));
    return same ?? (table.find(name) as CertificatePair);
  };
  return wanted.filter((name) => !covers(readOf(pairFor(name)), name));
}

/** @param name a host name, or a wildcard, which only the same one covers */
function covers(read: X509Certificate, name: string): boolean {
  if (!name.startsWith("*.")) return read.checkHost(name) !== undefined;
  const names = read.subjectAltName?.split(", ") ?? [];
  return names.some((one) => one.toLowerCase() === `dns:${name}`);
}

function subjectOf(read: X509Certificate): string {
  return /^CN=(.+)$/m.exec(read.subject)?.[1] ?? read.serialNumber;
}
