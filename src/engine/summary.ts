import { formatAddress } from "../config/address.ts";
import type { Address } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { FlowStats, RelaySummary } from "./engine.ts";
import { decodeSockaddr } from "./sockaddr.ts";

/**
 * A relay's story. Every relay that ends has one, and few are ever read: so the two addresses are
 * put into words only when somebody asks.
 */
export class Summary implements RelaySummary {
  constructor(
    readonly id: number,
    private readonly clientAddress: Uint8Array,
    private readonly upstreamAddress: Address | null,
    readonly startedAt: number,
    readonly durationMs: number,
    readonly dials: number,
    readonly reason: Reason | null,
    readonly up: FlowStats,
    readonly down: FlowStats,
  ) {}

  get client(): string {
    const address = decodeSockaddr(this.clientAddress);
    return address.kind === "unix" ? "unix" : formatAddress(address);
  }

  get upstream(): string | null {
    return this.upstreamAddress === null ? null : formatAddress(this.upstreamAddress);
  }
}
