import type { Address, TcpAddress, UpstreamAddress } from "../../base/address.ts";
import { ipKind } from "../../base/ip.ts";
import type { Reason } from "../../base/reason.ts";

/** Why addresses that are known may not be dialled: they are our own, or DNS may not answer with them. */
export type DialRefusal = Extract<Reason, "own_address" | "dns_denied">;

/**
 * Tells the addresses behind one that has to be asked for (see {@link mustAsk}) in the order in which to dial
 * them, none when it cannot be resolved or may not be dialled: before it returns where they are known, else
 * later.
 *
 * @param slot the row of the upstream that is dialled, some of whose addresses may not be well; null
 *   for what is no upstream
 * @param answer called once, with literal addresses; where there are none because they are refused, with why
 */
export type ResolveName = (
  address: Address,
  slot: number | null,
  answer: (addresses: readonly Address[], refusal?: DialRefusal | null) => void,
) => void;

/** Whether the host of an address has to be resolved before it can be dialled. */
export function isName(address: UpstreamAddress): address is TcpAddress {
  return address.kind === "tcp" && ipKind(address.host) === 0;
}

/** Whether the control plane has to be asked before an address is dialled. */
export function mustAsk(address: Address): boolean {
  return address.asks === true || isName(address);
}

/** What a dial fails with for which there is no address. */
export function withoutAddress(refusal: DialRefusal | null | undefined): {
  readonly reason: Reason;
  readonly detail: string;
} {
  if (refusal) return { reason: refusal, detail: "" };
  return { reason: "connect_unresolved", detail: "ENOTFOUND" };
}
