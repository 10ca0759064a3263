import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";
import { isLoopback } from "../config/admin.ts";

/**
 * Whether a request's Host header names this machine itself, or what the admin server was told to
 * listen on. A page of somebody else's site may make a browser here ask for it, by a name of its own
 * that it lets point to 127.0.0.1 (DNS rebinding); then this header has that name.
 *
 * @param host null when the request has none, as those of old or simple clients
 * @param listening as it was given; on all addresses any one is right, as it is no name
 */
export function isOwnHost(host: string | null, listening: Address): boolean {
  // No browser talks to a unix socket.
  if (host === null || listening.kind === "unix") return true;
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([^:]*))(?::\d{1,5})?$/i.exec(host) ?? [];
  const name = (bracketed ?? plain ?? "").toLowerCase();
  if (isLoopback(name) || name === listening.host) return true;
  const isEverywhere = listening.host === "::" || listening.host === "0.0.0.0";
  return isEverywhere && ipKind(name) !== 0;
}
