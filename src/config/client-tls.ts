import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import { belong } from "./pem-file.ts";
import type { Problems, Sourced, Sources } from "./sourced.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** The settings that say how TLS with an upstream begins, by what they say: for relays, or for checks. */
export interface ClientTlsKeys {
  readonly on: "checkTls" | "upstreamTls";
  readonly name: "checkTlsName" | "upstreamTlsName";
  readonly verify: "checkTlsVerify" | "upstreamTlsVerify";
  readonly ca: "checkTlsCa" | "upstreamTlsCa";
  readonly cert: "checkTlsCert" | "upstreamTlsCert";
  readonly key: "checkTlsKey" | "upstreamTlsKey";
  readonly alpn: "checkTlsAlpn" | "upstreamTlsAlpn";
}

type Given = Sources<ListenerValues>;

/** Puts together what was given of TLS that begins here, and reports what cannot be together. */
export function clientTlsOf(
  given: Given,
  keys: ClientTlsKeys,
  problems: Problems,
): Omit<TlsClientOptions, "startTls"> {
  const { ca, cert, key, name, verify } = keys;
  const text = (one: typeof ca | typeof name) => given[one]?.value ?? "";
  const verifies = given[verify]?.value ?? listenerTable[verify].fallback;
  if (!verifies && text(ca) !== "") {
    problems.add(given[ca], `contradicts ${verify} off: leave one of them out`);
  }
  return {
    serverName: text(name) || null,
    verify: verifies,
    ca: text(ca) || null,
    identity: identityOf(given, cert, key, problems),
    alpn: given[keys.alpn]?.value ?? [],
  };
}

/** A detail may stand beside what is off, as that may be for one listener alone, but not without. */
export function rejectLonelyTls(
  given: Given,
  { on, ...details }: ClientTlsKeys,
  others: readonly (keyof ListenerValues)[],
  problems: Problems,
): void {
  for (const key of [...Object.values(details), ...others]) {
    const one: Sourced<unknown> | undefined = given[key];
    // What is broken was reported, and nobody needs to hear of a default.
    const isDefault = Bun.deepEquals(one?.value, listenerTable[key].fallback);
    if (one !== undefined && one.value !== null && !isDefault) problems.add(one, `needs ${on}`);
  }
}

function identityOf(
  given: Given,
  certKey: ClientTlsKeys["cert"],
  keyKey: ClientTlsKeys["key"],
  problems: Problems,
): TlsClientOptions["identity"] {
  const cert = given[certKey]?.value ?? "";
  const key = given[keyKey]?.value ?? "";
  if (cert !== "" && given[keyKey] === undefined) {
    problems.add(given[certKey], `needs ${keyKey}`);
  }
  if (key !== "" && given[certKey] === undefined) {
    problems.add(given[keyKey], `needs ${certKey}`);
  }
  if (cert === "" || key === "") return null;
  if (!belong(cert, key)) problems.add(given[keyKey], `is not the key of ${certKey}`);
  return { cert, key };
}
