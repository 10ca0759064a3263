import type { Reason } from "../flow/reason.ts";

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
