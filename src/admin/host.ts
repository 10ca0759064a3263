import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";
import { isLoopback } from "../config/admin.ts";

/**
 * Whether a request's Host header names this machine itself, or the address that the admin server
 * listens on. A foreign site may make its own name lead to 127.0.0.1 (DNS rebinding) and let a
 * browser here use it; the Host header then has that name.
 *
 * @param host null if there is none, as from old or simple clients
 * @param listening as configured; if it is a wildcard, any IP address is accepted, but no name
 */
export function isOwnHost(host: string | null, listening: Address): boolean {
  // Browsers do not use unix sockets.
  if (host === null || listening.kind === "unix") return true;
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([^:]*))(?::\d{1,5})?$/i.exec(host) ?? [];
  const name = (bracketed ?? plain ?? "").toLowerCase();
  if (isLoopback(name) || name === listening.host) return true;
  const isEverywhere = listening.host === "::" || listening.host === "0.0.0.0";
  return isEverywhere && ipKind(name) !== 0;
}
