import type { Reason } from "../base/reason.ts";
import { hasSource } from "./libc.ts";

/**
 * Makes a dial's error code unambiguous. EADDRNOTAVAIL means that no port is left to dial from, but
 * also that there is no address to dial from, as when IPv6 is disabled. The second is permanent,
 * and counts as a missing route.
 *
 * @param code from connect(2)
 * @param dialled the address in the kernel's form
 */
export function dialCode(code: string, dialled: Uint8Array): string {
  return code === "EADDRNOTAVAIL" && !hasSource(dialled) ? "ENETUNREACH" : code;
}

/**
 * The reason for an error code of socket(2), connect(2) or getaddrinfo(3), such as ECONNREFUSED.
 */
export function dialReason(code: string): Reason {
  const own = ownShortage(code);
  if (own !== null) return own;
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "connect_refused";
    case "ETIMEDOUT":
      return "connect_timeout";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EAFNOSUPPORT":
      return "connect_unreachable";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "DNS_ENOTFOUND":
      return "connect_unresolved";
    default:
      return "connect_failed";
  }
}

/**
 * The reason for a shortage on this machine, which says nothing about the upstream; otherwise null.
 */
export function ownShortage(code: string): "descriptor_limit" | "local_limit" | null {
  switch (code) {
    case "EMFILE":
    case "ENFILE":
      return "descriptor_limit";
    case "EADDRINUSE":
    case "EADDRNOTAVAIL":
    case "ENOBUFS":
    case "ENOMEM":
    case "EPERM":
      return "local_limit";
    default:
      return null;
  }
}
