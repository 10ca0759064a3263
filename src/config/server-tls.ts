import type { CertificatePair, TlsServerOptions } from "../transport/tls/server-options.ts";
import { namesIn } from "./certificate-pairs.ts";
import { belong } from "./pem-file.ts";
import { isBroken, type Problems, type Sourced, type Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

const DETAILS = [
  "tlsVerify",
  "tlsCa",
  "tlsAllow",
  "tlsMinVersion",
  "tlsCiphers",
  "tlsAlpn",
  "tlsHandshakeTimeout",
  "tlsHandshakeRate",
  "tlsClientHandshakeRate",
] as const satisfies readonly (keyof ListenerValues)[];

/** Puts together what was given of the clients' TLS, and reports what cannot be together. Null: none is ended. */
export function serverTlsOf(
  given: Sources<ListenerValues>,
  problems: Problems,
): TlsServerOptions | null {
  const { tlsCert, tlsKey, tlsCertificates, tlsVerify, tlsCa, tlsAllow } = given;
  const simple = simplePair(given, problems);
  const certificates = [...simple, ...(tlsCertificates?.value ?? [])];
  if (certificates.length === 0) {
    const isTried = [tlsCert, tlsKey, tlsCertificates].some((one) => one?.value === null);
    // What is broken was reported, and what stands at the top may be for another listener.
    if (!isTried) rejectLonely(given, problems);
    return null;
  }
  const options = optionsIn(listenerTable, "tls", given);
  const asks = options.verify !== "none";
  if (asks && options.ca === "" && !isBroken(tlsCa)) {
    problems.add(tlsVerify, "needs tlsCa, the authorities of clients' certificates");
  }
  if (!asks && tlsCa !== undefined && options.ca !== "") {
    problems.add(tlsCa, "needs tlsVerify optional or required");
  }
  if (!asks && tlsAllow !== undefined && options.allow.length > 0) {
    problems.add(tlsAllow, "needs tlsVerify optional or required");
  }
  const authorities =
    options.ca === "" ? { ca: null, caFile: null } : { ca: options.ca, caFile: pathIn(tlsCa) };
  return { ...options, ...authorities, alpn: alpnOf(given, options.alpn), certificates };
}

/** A client of Postgres that begins with TLS at once insists on this protocol. */
function alpnOf({ startTls, tlsAlpn }: Sources<ListenerValues>, alpn: readonly string[]) {
  return startTls?.value === "postgres" && tlsAlpn === undefined ? ["postgresql"] : alpn;
}

/** Whether the clients' TLS is to be ended, right or not. */
export function endsTls({ tlsCert, tlsCertificates }: Sources<ListenerValues>): boolean {
  const isGiven = (one: { readonly value: unknown } | undefined) =>
    one !== undefined && !Bun.deepEquals(one.value, "") && !Bun.deepEquals(one.value, []);
  return isGiven(tlsCert) || isGiven(tlsCertificates);
}

function simplePair(
  { tlsCert, tlsKey }: Sources<ListenerValues>,
  problems: Problems,
): CertificatePair[] {
  const cert = tlsCert?.value ?? "";
  const key = tlsKey?.value ?? "";
  if (cert !== "" && tlsKey === undefined) problems.add(tlsCert, "needs tlsKey");
  if (key !== "" && tlsCert === undefined) problems.add(tlsKey, "needs tlsCert");
  if (cert === "" || key === "") return [];
  if (!belong(cert, key)) problems.add(tlsKey, "is not the key of tlsCert");
  const files = { cert: pathIn(tlsCert), key: pathIn(tlsKey), isNamed: false };
  return [{ cert, key, names: namesIn(cert), files }];
}

/** The file that a value was read from. */
function pathIn(source: Sourced<string> | undefined): string {
  return String(source?.given);
}

function rejectLonely(given: Sources<ListenerValues>, problems: Problems): void {
  for (const key of DETAILS) {
    const one = given[key];
    const isDefault = Bun.deepEquals(one?.value, listenerTable[key].fallback);
    if (one !== undefined && one.value !== null && !isDefault && !isShared(given)) {
      problems.add(one, "needs tlsCert or tlsCertificates");
    }
  }
}

/** Somewhere it is said that there is none. */
function isShared({ tlsCert, tlsCertificates }: Sources<ListenerValues>): boolean {
  return tlsCert !== undefined || tlsCertificates !== undefined;
}
