import type { TlsOptions } from "../upstream/health/check-options.ts";
import { belong } from "./pem-file.ts";
import type { Problems, Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

const keys = [
  "checkTlsName",
  "checkTlsVerify",
  "checkTlsCa",
  "checkTlsCert",
  "checkTlsKey",
  "checkTlsAlpn",
] as const satisfies readonly (keyof ListenerValues)[];

/** Returns the TLS options of checks, null for plain TCP, and reports contradictions. */
export function checkTlsOf(given: Sources<ListenerValues>, problems: Problems): TlsOptions | null {
  if (given.checkTls === undefined) rejectLonely(given, problems);
  if (given.checkTls?.value !== true) return null;
  const { serverName, verify, ca, alpn } = optionsIn(listenerTable, "health.check.tls", given);
  if (!verify && ca !== "") {
    problems.add(given.checkTlsCa, "contradicts checkTlsVerify off: leave one of them out");
  }
  const identity = identityOf(given, problems);
  return { serverName: serverName || null, verify, ca: ca || null, identity, alpn };
}

/**
 * A detail needs checkTls. Beside `off` it is fine, as only one listener may have turned TLS off.
 */
function rejectLonely(given: Sources<ListenerValues>, problems: Problems): void {
  for (const key of keys) {
    const one = given[key];
    // A broken value has been reported already, and a default does no harm.
    const isDefault = Bun.deepEquals(one?.value, listenerTable[key].fallback);
    if (one !== undefined && one.value !== null && !isDefault) problems.add(one, "needs checkTls");
  }
}

function identityOf(
  { checkTlsCert, checkTlsKey }: Sources<ListenerValues>,
  problems: Problems,
): TlsOptions["identity"] {
  const cert = checkTlsCert?.value ?? "";
  const key = checkTlsKey?.value ?? "";
  if (cert !== "" && checkTlsKey === undefined) problems.add(checkTlsCert, "needs checkTlsKey");
  if (key !== "" && checkTlsCert === undefined) problems.add(checkTlsKey, "needs checkTlsCert");
  if (cert === "" || key === "") return null;
  if (!belong(cert, key)) problems.add(checkTlsKey, "is not the key of checkTlsCert");
  return { cert, key };
}
