import type { AdminOptions } from "../config/options.ts";
import { type Access, isKnown } from "./access.ts";
import { type AdminRequest, refuse } from "./answer.ts";
import { isOwnHost } from "./host.ts";
import { isProbe } from "./probes.ts";

/**
 * Refuses requests that somebody has made who must not: a site that makes a browser here send them,
 * or who does not know the token that it takes. Nothing of a request is done before it has passed.
 *
 * @param access what it may do by what it shows
 * @param isOpen whether a path needs no token: what has nothing that is worth one
 * @returns null when the request may go on
 */
export function refusal(
  request: AdminRequest,
  access: Access,
  options: AdminOptions,
  isOpen: (path: string) => boolean,
): Response | null {
  const { headers, path } = request;
  // No site that has made its name lead here knows the token, and probes tell nothing.
  if (
    !isKnown(access, options) &&
    !isProbe(path) &&
    !isOwnHost(headers.get("host"), options.address)
  ) {
    return refuse(403, "this server answers to its own address only: see the Host header");
  }
  if (isFromOtherSite(request)) return refuse(403, "no page of another site may ask for this");
  if (changesState(request)) {
    if (!isOwnOrigin(headers)) return refuse(403, "no page of another origin may ask for this");
    if (!isDeliberate(headers)) {
      return refuse(415, "expected Content-Type: application/json or a header X-Ringway: 1");
    }
  }
  if (access === "all" || isOpen(path)) return null;
  if (access === "look") {
    if (!changesState(request)) return null;
    return refuse(403, "this token may look and change nothing: expected the admin token");
  }
  const challenge = { "www-authenticate": 'Bearer realm="ringway"' };
  return refuse(401, "expected Authorization: Bearer with the admin token", [], challenge);
}

/** Requests of all other methods look, and change nothing. */
function changesState({ method }: AdminRequest): boolean {
  return method !== "GET" && method !== "HEAD";
}

/**
 * Browsers say where a request comes from. A link on another site may lead to the page, as a person
 * follows it and sees what comes; everything else has no business here.
 */
function isFromOtherSite({ method, path, headers }: AdminRequest): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site === "same-origin" || site === "none") return false;
  const isFollowed =
    headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  return !(method === "GET" && path === "/" && isFollowed);
}

/** An origin is this one's, or there is none as no page has sent the request. */
function isOwnOrigin(headers: Headers): boolean {
  const origin = headers.get("origin");
  return origin === null || origin.toLowerCase() === `http://${headers.get("host")}`.toLowerCase();
}

/** No form can send either, and no script of another origin without asking first. */
function isDeliberate(headers: Headers): boolean {
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase() === "application/json" || headers.get("x-ringway") === "1";
}
