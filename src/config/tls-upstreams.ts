import { formatAddress } from "../base/address.ts";
import type { WantedListener } from "./options.ts";

/** The upstreams of a listener to which TLS begins, in their order, as a person writes them. */
export function tlsUpstreams({
  upstreams,
  upstreamTls,
}: Pick<WantedListener, "upstreams" | "upstreamTls">): string[] {
  return upstreams
    .filter(({ tls = upstreamTls }) => tls !== null)
    .map(({ address }) => formatAddress(address));
}

/** The same beside the list of all, in words; empty if there are none. */
export function tlsNote(all: readonly string[], secured: readonly string[]): string {
  if (secured.length === 0) return "";
  const some = secured.slice(0, SHOWN_MAX).join(", ");
  return secured.length === all.length ? "(by TLS)" : `(by TLS: ${some}${more(secured)})`;
}

const SHOWN_MAX = 5;

function more({ length }: readonly string[]): string {
  return length > SHOWN_MAX ? ` and ${length - SHOWN_MAX} more` : "";
}
