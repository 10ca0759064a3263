import { createHash, timingSafeEqual } from "node:crypto";
import type { AdminOptions } from "../config/options.ts";

/**
 * What a request may do by what it shows.
 *
 * - `all`: it has the token, or none is wanted
 * - `look`: it has the token of those who change nothing
 * - `none`: it shows nothing
 * - `wrong`: what it shows is neither; somebody guesses, or has an old one
 */
export type Access = "all" | "look" | "none" | "wrong";

type Tokens = Pick<AdminOptions, "token" | "readToken">;

/** Judges what a request shows. */
export function accessOf(headers: Headers, { token, readToken }: Tokens): Access {
  if (token === null) return "all";
  const authorization = headers.get("authorization");
  if (authorization === null) return "none";
  const shown = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
  // Both are compared whatever comes of the first.
  const [isToken, isReadToken] = [isSame(token, shown), isSame(readToken ?? "", shown)];
  if (isToken) return "all";
  return isReadToken && readToken !== null ? "look" : "wrong";
}

/** Whether requests with this token are known at all, so that no Host has to speak for them. */
export function isKnown(access: Access, { token }: Tokens): boolean {
  return token !== null && (access === "all" || access === "look");
}

/** In a time that tells nothing of where they differ, nor of their lengths. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
