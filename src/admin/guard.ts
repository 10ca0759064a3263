import type { AdminOptions } from "../config/options.ts";
import { type Access, isKnown } from "./access.ts";
import { type AdminRequest, refuse } from "./answer.ts";
import { isOwnHost } from "./host.ts";
import { isProbe } from "./probes.ts";

/**
 * Refuses requests that must not be answered: those that a foreign site makes a browser send, and
 * those without the token that they need. Nothing else is done with a request before it has passed.
 *
 * @param access what the request's token permits
 * @param isOpen whether a path needs no token, because it holds no figures
 * @returns null if the request may proceed
 */
export function refusal(
  request: AdminRequest,
  access: Access,
  options: AdminOptions,
  isOpen: (path: string) => boolean,
): Response | null {
  const { headers, path } = request;
  // A site that uses DNS rebinding does not know the token, and probes reveal nothing.
  if (
    !isKnown(access, options) &&
    !isProbe(path) &&
    !isOwnHost(headers.get("host"), options.address)
  ) {
    return refuse(403, "this server answers only to its own address: see the Host header");
  }
  if (isFromOtherSite(request)) return refuse(403, "pages of other sites may not request this");
  if (changesState(request)) {
    if (!isOwnOrigin(headers)) return refuse(403, "pages of other origins may not request this");
    if (!isDeliberate(headers)) {
      return refuse(415, "expected Content-Type: application/json or a header X-Ringway: 1");
    }
  }
  if (access === "all" || isOpen(path)) return null;
  if (access === "look") {
    if (!changesState(request)) return null;
    return refuse(403, "this token is read-only: expected the admin token");
  }
  const challenge = { "www-authenticate": 'Bearer realm="ringway"' };
  return refuse(401, "expected Authorization: Bearer with the admin token", [], challenge);
}

function changesState({ method }: AdminRequest): boolean {
  return method !== "GET" && method !== "HEAD";
}

/**
 * Whether a browser says that another site sends the request. A link to the page is fine, because a
 * person follows it and sees what comes; everything else is refused.
 */
function isFromOtherSite({ method, path, headers }: AdminRequest): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site === "same-origin" || site === "none") return false;
  const isFollowed =
    headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  return !(method === "GET" && path === "/" && isFollowed);
}

/** The origin is our own, or there is none because no page has sent the request. */
function isOwnOrigin(headers: Headers): boolean {
  const origin = headers.get("origin");
  return origin === null || origin.toLowerCase() === `http://${headers.get("host")}`.toLowerCase();
}

/** No form can send either header, and scripts of other origins only after a preflight request. */
function isDeliberate(headers: Headers): boolean {
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase() === "application/json" || headers.get("x-ringway") === "1";
}
