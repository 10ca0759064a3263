import type { X509Certificate } from "node:crypto";
import { formatAddress } from "../base/address.ts";
import { HostNameTable } from "../base/host-name-table.ts";
import { outOfTime } from "../config/certificate-pairs.ts";
import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import type { CertificatePair } from "../transport/tls/server-options.ts";

/** What is right about TLS and yet hardly meant, such as certificates that clients will not take. */
export function tlsWarnings(listeners: readonly WantedListener[]): readonly string[] {
  // Addresses with one name have the same certificates.
  return [...new Set(listeners.flatMap(ofListener))];
}

function ofListener(listener: WantedListener): string[] {
  const name = `listener ${nameOfListener(listener, listener.address)}`;
  return [...ofClients(listener, name), ...ofUpstreams(listener, name)];
}

/** The TLS to upstreams: whom nobody verifies, and a certificate of ours that they will not take. */
function ofUpstreams({ mirror, upstreams, upstreamTls }: WantedListener, name: string): string[] {
  const all = new Set([upstreamTls, ...upstreams.map(({ tls }) => tls ?? null)]);
  const used = [...all].filter((one) => one !== null);
  const lax = used.some(({ verify }) => !verify);
  const shown = used.flatMap(({ identity }) => (identity === null ? [] : [identity]));
  return [
    ...(lax ? [`${name}: the certificates of upstreams are not verified`] : []),
    ...shown.flatMap((pair) => untimely(readOf(pair)).map((what) => `${name}: ${what}`)),
    ...(used.length === 0 ? [] : uncopied(mirror, name, "upstreams get TLS")),
  ];
}

function uncopied(mirror: WantedListener["mirror"], name: string, why: string): string[] {
  if (mirror === null || mirror.plainText === true) return [];
  const where = formatAddress(mirror.address);
  const advice = "set mirrorPlainText if it may have the plain text";
  return [`${name}: ${where} gets no copies, as ${why}: ${advice}`];
}

function ofClients({ mirror, routes, tls }: WantedListener, name: string): string[] {
  if (tls === null) return [];
  const shown = tls.certificates.map(readOf);
  const wanted = routes.flatMap((route) => route.names);
  return [
    ...shown.flatMap((one) => untimely(one).map((what) => `${name}: ${what}`)),
    ...shown.flatMap(({ names, read }) =>
      names
        .filter((one) => !covers(read, one))
        .map((one) => `${name}: the certificate of ${subjectOf(read)} is not issued for ${one}`),
    ),
    ...uncovered(shown, wanted).map((one) => `${name}: no certificate covers ${one}`),
    ...uncopied(mirror, name, "clients' TLS ends here"),
  ];
}

/** A certificate that is shown, and what is in it. */
type Shown<Pair> = Pair & { readonly read: X509Certificate };

function readOf<Pair extends Pick<CertificatePair, "cert">>(pair: Pair): Shown<Pair> {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  return { ...pair, read: new X509Certificate(pair.cert) };
}

function untimely({ cert, read }: Shown<Pick<CertificatePair, "cert">>): string[] {
  const what = outOfTime(cert, Date.now());
  return what === null ? [] : [`the certificate of ${subjectOf(read)} ${what}`];
}

/** Names of routes for which a client would be shown a certificate that it cannot take. */
function uncovered(
  certificates: readonly Shown<CertificatePair>[],
  wanted: readonly string[],
): string[] {
  const [first] = certificates;
  if (first === undefined) return [];
  const table = new HostNameTable<Shown<CertificatePair>>(
    certificates.flatMap((pair) => pair.names.map((name) => [name, pair] as const)),
    first,
    "one",
  );
  const shownFor = (name: string) => {
    const same = certificates.find(({ names }) => names.includes(name));
    return same ?? (table.find(name) as Shown<CertificatePair>);
  };
  return wanted.filter((name) => !covers(shownFor(name).read, name));
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
