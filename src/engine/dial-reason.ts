import type { Reason } from "../flow/reason.ts";

/** The reason for an error code of socket(2), connect(2) or getaddrinfo(3), such as ECONNREFUSED. */
export function dialReason(code: string): Reason {
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "connect_refused";
    case "ETIMEDOUT":
      return "connect_timeout";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return "connect_unreachable";
    case "EMFILE":
    case "ENFILE":
      return "descriptor_limit";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "DNS_ENOTFOUND":
      return "connect_unresolved";
    default:
      return "connect_failed";
  }
}
