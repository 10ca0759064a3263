import type { Address, TcpAddress, UpstreamAddress } from "../../base/address.ts";
import { ipKind } from "../../base/ip.ts";
import type { Reason } from "../../base/reason.ts";

/**
 * Why known addresses may not be dialled: ringway itself listens there, or `dnsAllow` excludes
 * them.
 */
export type DialRefusal = Extract<Reason, "own_address" | "dns_denied">;

/**
 * Finds the addresses to dial for an address that needs it (see {@link mustAsk}), in dialling
 * order; none if it cannot be resolved or may not be dialled. Answers before it returns if they are
 * known, otherwise later.
 *
 * @param slot the row of the upstream, so that unhealthy addresses are left out; null for anything
 *   else
 * @param answer called once with literal addresses, or with none and the refusal, if that is why
 */
export type ResolveName = (
  address: Address,
  slot: number | null,
  answer: (addresses: readonly Address[], refusal?: DialRefusal | null) => void,
) => void;

/** Whether an address has a host name, which must be resolved before a dial. */
export function isName(address: UpstreamAddress): address is TcpAddress {
  return address.kind === "tcp" && ipKind(address.host) === 0;
}

/** Whether to ask the control plane before dialling an address. */
export function mustAsk(address: Address): boolean {
  return address.asks === true || isName(address);
}

/** The failure of a dial that has no address. */
export function withoutAddress(refusal: DialRefusal | null | undefined): {
  readonly reason: Reason;
  readonly detail: string;
} {
  if (refusal) return { reason: refusal, detail: "" };
  return { reason: "connect_unresolved", detail: "ENOTFOUND" };
}
