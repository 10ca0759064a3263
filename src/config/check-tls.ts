import type { TlsOptions } from "../upstream/health/check-options.ts";
import { belong, certificates, privateKey } from "./pem-file.ts";
import { onOff, type Rule, refuse, type ValuesOf } from "./rule.ts";
import type { Problems, Sources } from "./sourced.ts";

/**
 * The rules of checks by TLS. Files are read when the settings are, so at each reload again. What is
 * `none` is empty.
 */
export const checkTlsRules = {
  checkTls: onOff,
  checkTlsName: orNone(name),
  checkTlsVerify: onOff,
  checkTlsCa: orNone(certificates),
  checkTlsCert: orNone(certificates),
  checkTlsKey: orNone(privateKey),
  checkTlsAlpn: orNone(protocols),
};

/** What the rules make of these settings. */
export type CheckTlsValues = ValuesOf<typeof checkTlsRules>;

/** Puts together what was given of TLS, and tells what cannot be together. Null: in plain. */
export function checkTlsOf(given: Sources<CheckTlsValues>, problems: Problems): TlsOptions | null {
  if (given.checkTls === undefined) rejectLonely(given, problems);
  if (given.checkTls?.value !== true) return null;
  const serverName = given.checkTlsName?.value || null;
  const verify = given.checkTlsVerify?.value ?? true;
  const ca = given.checkTlsCa?.value || null;
  const alpn = given.checkTlsAlpn?.value || null;
  if (!verify && ca !== null) {
    problems.add(given.checkTlsCa, "contradicts checkTlsVerify off: leave one of them out");
  }
  const identity = identityOf(given, problems);
  return { serverName, verify, ca, identity, alpn: alpn?.split(",") ?? [] };
}

/** A detail may stand beside checkTls off, as that may be for one listener alone, but not without. */
function rejectLonely(given: Sources<CheckTlsValues>, problems: Problems): void {
  for (const key of Object.keys(checkTlsRules) as (keyof CheckTlsValues)[]) {
    const one = given[key];
    // What is broken has been told, and its default nobody needs to be told of.
    const isDefault = one?.value === "" || (key === "checkTlsVerify" && one?.value === true);
    if (one !== undefined && one.value !== null && !isDefault) problems.add(one, "needs checkTls");
  }
}

function identityOf(
  { checkTlsCert, checkTlsKey }: Sources<CheckTlsValues>,
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

function orNone(rule: Rule<string>): Rule<string> {
  return (value) => (value === "none" ? "" : rule(value));
}

function name(value: unknown): string {
  if (typeof value === "string" && /^[\w.:-]{1,253}$/.test(value)) return value;
  return refuse(value, "a host name or an address, or none");
}

function protocols(value: unknown): string {
  const names = typeof value === "string" ? value.split(",") : [];
  const areRight = names.every((one) => /^[\x21-\x7e]{1,255}$/.test(one));
  if (names.length > 0 && names.length <= 16 && areRight) return names.join(",");
  return refuse(value, "names of protocols apart by commas, or none");
}
