import type { Address } from "../../src/base/address.ts";
import type { MirrorOptions, Mode } from "../../src/config/options.ts";
import type { Ending } from "../kernel/end.ts";
import type { Faults } from "../kernel/faults.ts";

/** Who may come in, and what is told of them. */
export interface EdgeStory {
  readonly proxyProtocol: "off" | "optional" | "required";
  /** Headers are believed of the first network of clients only. */
  readonly believesFew: boolean;
  readonly preambleTimeoutMs: number;
  readonly sendProxyProtocol: "off" | "v1" | "v2";
  /** Hosts that clients come from: two of each network. */
  readonly hosts: number;
  /** The first one of them may not come in, nor may a client that headers name. */
  readonly denies: boolean;
  /** 0 for any number. */
  readonly maxRelays: number;
  readonly totalRelays: number;
  readonly maxRelaysPerClient: number;
  readonly maxRelaysPerNetwork: number;
  /** Clients per second, 0 for any number. */
  readonly clientRate: number;
  readonly networkRate: number;
  readonly whenFull: "refuse" | "wait";
  readonly fullTimeoutMs: number;
  readonly refusal: "reset" | "close" | { readonly tarpitMs: number };
}

/** One run, all of it drawn from a seed. */
export interface Story {
  readonly seed: number;
  readonly faults: Faults;
  readonly clients: number;
  readonly mode: Mode;
  readonly endings: readonly Ending[];
  readonly upstreams: readonly Address[];
  readonly slowPercent: number;
  readonly resetPercent: number;
  readonly totalMax: number;
  /** How many of a hundred ends write all of that. */
  readonly fullPercent: number;
  /** Milliseconds in which clients come and faults happen. */
  readonly stormMs: number;
  /** Stop in the middle of the storm instead of after all relays have ended. */
  readonly stopsEarly: boolean;
  readonly drainMs: number;
  readonly limitsReceives: boolean;
  readonly memory: number;
  readonly descriptors: number;
  readonly upstreamInside: boolean;
  readonly connectTimeoutMs: number;
  readonly halfCloseTimeoutMs: number;
  /** 0 for never. */
  readonly idleTimeoutMs: number;
  readonly clientIdleTimeoutMs: number;
  readonly upstreamIdleTimeoutMs: number;
  readonly lifetimeMs: number;
  readonly holdMs: number;
  /** Relays of each upstream, 0 for any number. */
  readonly maxRelays: number;
  readonly queueMs: number;
  readonly queueMax: number;
  readonly tries: number;
  readonly retries: number;
  readonly budgetMs: number;
  readonly upRate: number;
  readonly downRate: number;
  readonly routes: "none" | "relay" | "refuse";
  readonly mirror: MirrorOptions | null;
  /** Upstreams are chosen by the names that clients ask for in their hellos. */
  readonly names: boolean;
  /** Milliseconds that a client has for its hello. */
  readonly helloMs: number;
  /** Clients send a byte a second of their hellos. */
  readonly drips: boolean;
  /** Clients ask for encryption, which there is not. */
  readonly request: boolean;
  /** Bytes of the flow that a step reads and leaves; 0 for no such step. */
  readonly peek: number;
  /** Null where everybody may come in, and says nothing first of who it is. */
  readonly edge: EdgeStory | null;
  /** Somebody reloads, closes and opens upstreams, weighs them anew, and ends relays meanwhile. */
  readonly operator: boolean;
}

/** A story as somebody can read it: what of it is not as usual, a line each. */
export function describe(story: Story): string {
  const { faults, edge, upstreams, mirror, ...others } = story;
  const lines = Object.entries(others).map(([name, value]) => `${name} ${told(value)}`);
  lines.push(`upstreams ${upstreams.map(place).join(", ")}`);
  if (mirror !== null) {
    lines.push(`mirror ${place(mirror.address)}, ${mirror.percent} %, ${mirror.bufferSize} bytes`);
  }
  for (const [name, value] of Object.entries(edge ?? {})) lines.push(`edge ${name} ${told(value)}`);
  for (const [name, rate] of Object.entries(faults))
    if (rate > 0) lines.push(`fault ${name} ${rate}`);
  return lines.map((line) => `  ${line}`).join("\n");
}

function told(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function place(address: Address): string {
  return address.kind === "tcp" ? `${address.host}:${address.port}` : address.path;
}
