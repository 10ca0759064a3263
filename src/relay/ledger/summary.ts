import { type Address, formatAddress } from "../../base/address.ts";
import type { Reason } from "../../base/reason.ts";
import { FlowCount, type FlowStats, flowFigures } from "../../counts/figures.ts";
import type { ClientAddress } from "../../entry/access/client-address.ts";
import type { Hello } from "../../entry/tls-hello/hello.ts";
import type { Relay } from "../../flow/relay.ts";
import { decodeSockaddr, isIpSockaddr, isUnixSockaddr } from "../../system/sockaddr.ts";
import type { TlsFacts } from "../../transport/tls/facts.ts";
import type { MirrorOutcome } from "../mirror/reason.ts";
import type { RelaySummary } from "./stats.ts";

/** A relay's story. Few are ever read, so addresses and figures are formatted on demand. */
export class Summary implements RelaySummary {
  constructor(
    readonly id: number,
    readonly listener: string,
    /** Null if it is unknown. */
    readonly clientAddress: ClientAddress | null,
    readonly upstreamAddress: Address | null,
    readonly startedAt: number,
    readonly durationMs: number,
    readonly dials: number,
    readonly dialMs: number | null,
    readonly firstByteMs: number | null,
    readonly isWaiting: boolean,
    readonly reason: Reason | null,
    readonly label: string | null,
    readonly mirror: MirrorOutcome | null,
    /** A row for each flow, see {@link flowsOf}. */
    readonly flows: Float64Array,
    /** As it was configured, or in the kernel's form. */
    readonly localAddress: Address | Uint8Array | null,
    readonly resolvedAddress: Address | null,
    readonly peerAddress: ClientAddress | null,
    readonly waitedMs: number,
    readonly route: string | null,
    readonly hello: Hello | null,
    readonly tls: TlsFacts | null,
  ) {}

  get tlsVersion(): string | null {
    return this.tls?.version ?? null;
  }

  get tlsCipher(): string | null {
    return this.tls?.cipher ?? null;
  }

  get tlsResumed(): boolean | null {
    return this.tls?.isResumed ?? null;
  }

  get tlsClient(): string | null {
    const client = this.tls?.client ?? null;
    return client && (client.commonName ?? client.names[0] ?? client.fingerprint);
  }

  get tlsName(): string | null {
    return this.hello?.name ?? null;
  }

  get tlsAlpn(): string | null {
    const { alpn = [] } = this.hello ?? {};
    return alpn.length === 0 ? null : alpn.join(",");
  }

  get up(): FlowStats {
    return flowFigures.read(this.flows);
  }

  get down(): FlowStats {
    return flowFigures.read(this.flows, flowFigures.size);
  }

  get client(): string {
    return clientName(this.clientAddress);
  }

  get upstream(): string | null {
    return this.upstreamAddress === null ? null : formatAddress(this.upstreamAddress);
  }

  get local(): string | null {
    const { localAddress } = this;
    return localAddress instanceof Uint8Array || localAddress === null
      ? endNameOrNull(localAddress)
      : formatAddress(localAddress);
  }

  get resolved(): string | null {
    return this.resolvedAddress === null ? null : formatAddress(this.resolvedAddress);
  }

  get peer(): string | null {
    return endNameOrNull(this.peerAddress);
  }
}

/** The name of a client whose address is unknown because it had reset before it was accepted. */
const UNKNOWN = "unknown";

/** A client's name: `host:port`, `unix` for a client of a unix socket, or `unknown`. */
export function clientName(client: ClientAddress | null): string {
  return client === null ? UNKNOWN : endName(client);
}

/** The name of any end, likewise. Never throws. @param bytes sockaddr; more bytes may follow */
export function endName(bytes: Uint8Array): string {
  if (isIpSockaddr(bytes)) return formatAddress(decodeSockaddr(bytes));
  return isUnixSockaddr(bytes) ? "unix" : UNKNOWN;
}

/** The same; null if it is unknown. */
export function endNameOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null || !(isIpSockaddr(bytes) || isUnixSockaddr(bytes)) ? null : endName(bytes);
}

/** The figures of both flows of a relay: a row for each, `up` first. */
export function flowsOf(
  { up, down }: Relay,
  upDiscards: boolean,
  downDiscards: boolean,
): Float64Array {
  const { size } = flowFigures;
  const rows = new Float64Array(2 * size);
  up.writeCounts(rows, 0);
  down.writeCounts(rows, size);
  if (upDiscards) discard(rows, 0);
  if (downDiscards) discard(rows, size);
  return rows;
}

/** Turns the sent bytes of a row into discarded ones. @param at where the row begins */
export function discard(row: Float64Array, at: number): void {
  row[at + FlowCount.discardedBytes] = row[at + FlowCount.sentBytes] as number;
  row[at + FlowCount.sentBytes] = 0;
  row[at + FlowCount.sends] = 0;
}
