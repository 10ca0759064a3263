import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import { type ClientTlsKeys, clientTlsOf, rejectLonelyTls } from "./client-tls.ts";
import type { Problems, Sources } from "./sourced.ts";
import type { CheckKind } from "./table/checking.ts";
import type { ListenerValues } from "./table/table.ts";

const KEYS: ClientTlsKeys = {
  on: "checkTls",
  name: "checkTlsName",
  verify: "checkTlsVerify",
  ca: "checkTlsCa",
  cert: "checkTlsCert",
  key: "checkTlsKey",
  alpn: "checkTlsAlpn",
};

/** The TLS of a check. @param upstream what relays to the same upstream have; null: none */
export type CheckTls = (kind: CheckKind, upstream: TlsClientOptions | null) => CheckedBy;

type CheckedBy = TlsClientOptions | null;

/**
 * Puts together what was given of the checks' TLS, and reports what cannot be together. Unless that is given,
 * an upstream is checked as relays reach it.
 */
export function checkTlsOf(given: Sources<ListenerValues>, problems: Problems): CheckTls {
  const { checkTls } = given;
  if (checkTls === undefined) {
    rejectLonelyTls(given, KEYS, [], problems);
    return (_, upstream) => upstream;
  }
  if (checkTls.value !== true) return () => null;
  const details = clientTlsOf(given, KEYS, problems);
  return (kind) => ({ ...details, startTls: kind === "postgres" ? "postgres" : "off" });
}
