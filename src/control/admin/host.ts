import { isLoopback } from "../../config/observing.ts";

/**
 * Whether a request's Host header names this machine itself. A page of somebody else's site may make
 * a browser here ask for it, by a name of its own that it lets point to 127.0.0.1 (DNS rebinding);
 * then this header has that name.
 *
 * @param host null when the request has none, as those of old or simple clients
 */
export function isOwnHost(host: string | null): boolean {
  if (host === null) return true;
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([^:]*))(?::\d{1,5})?$/i.exec(host) ?? [];
  return isLoopback((bracketed ?? plain ?? "").toLowerCase());
}
