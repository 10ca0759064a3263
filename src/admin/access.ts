import { createHash, timingSafeEqual } from "node:crypto";
import type { AdminOptions } from "../config/options.ts";

/**
 * What a request may do, by the token that it shows.
 *
 * - `all`: it has the token, or none is set
 * - `look`: it has the read token
 * - `none`: it has no token
 * - `wrong`: it has another token: a guess, or an old one
 */
export type Access = "all" | "look" | "none" | "wrong";

type Tokens = Pick<AdminOptions, "token" | "readToken">;

/** Judges the token of a request. */
export function accessOf(headers: Headers, { token, readToken }: Tokens): Access {
  if (token === null) return "all";
  const authorization = headers.get("authorization");
  if (authorization === null) return "none";
  const shown = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
  // Both are compared in any case, so that the time tells nothing.
  const [isToken, isReadToken] = [isSame(token, shown), isSame(readToken ?? "", shown)];
  if (isToken) return "all";
  return isReadToken && readToken !== null ? "look" : "wrong";
}

/** Whether a request has a valid token, so that its Host need not be checked. */
export function isKnown(access: Access, { token }: Tokens): boolean {
  return token !== null && (access === "all" || access === "look");
}

/** Compares in a time that reveals neither where they differ nor their lengths. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
