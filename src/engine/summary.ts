import { formatAddress } from "../config/address.ts";
import type { Address } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { FlowStats, RelaySummary } from "./engine.ts";
import type { MirrorOutcome } from "./mirror/reason.ts";
import { decodeSockaddr } from "./sockaddr.ts";

/**
 * A relay's story. Every relay that ends has one, and few are ever read: so the two addresses are
 * put into words only when somebody asks.
 */
export class Summary implements RelaySummary {
  constructor(
    readonly id: number,
    readonly listener: string,
    /** In the kernel's form; at most as long as an IPv6 address. */
    readonly clientAddress: Uint8Array,
    readonly upstreamAddress: Address | null,
    readonly startedAt: number,
    readonly durationMs: number,
    readonly dials: number,
    readonly dialMs: number | null,
    readonly firstByteMs: number | null,
    readonly reason: Reason | null,
    readonly label: string | null,
    readonly mirror: MirrorOutcome | null,
    readonly up: FlowStats,
    readonly down: FlowStats,
  ) {}

  get client(): string {
    return clientName(this.clientAddress);
  }

  get upstream(): string | null {
    return this.upstreamAddress === null ? null : formatAddress(this.upstreamAddress);
  }
}

/** How a client is called: `host:port`, or `unix` for one behind a unix socket. */
export function clientName(bytes: Uint8Array): string {
  const address = decodeSockaddr(bytes);
  return address.kind === "unix" ? "unix" : formatAddress(address);
}
