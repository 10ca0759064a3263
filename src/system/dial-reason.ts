import type { Reason } from "../base/reason.ts";
import { hasSource } from "./libc.ts";

/**
 * What a dial has failed with, in no doubt. EADDRNOTAVAIL tells that no port is left to dial from, and also that
 * there is no address to, as where IPv6 is switched off: that is no lack that passes, and is told as the
 * same is where there is no route.
 *
 * @param code of connect(2)
 * @param dialled in the kernel's own form
 */
export function dialCode(code: string, dialled: Uint8Array): string {
  return code === "EADDRNOTAVAIL" && !hasSource(dialled) ? "ENETUNREACH" : code;
}

/** The reason for an error code of socket(2), connect(2) or getaddrinfo(3), such as ECONNREFUSED. */
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
 * The reason for an error code that tells what is wanting on this machine, and says nothing about who was
 * to be connected to; null for any other code.
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
