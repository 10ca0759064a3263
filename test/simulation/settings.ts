import { listenerDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type {
  AdmissionRow,
  AdmissionTables,
  EdgeOptions,
  ListenerOptions,
} from "../../src/config/options.ts";
import { parseNetwork } from "../../src/entry/access/network.ts";
import { NetworkSet } from "../../src/entry/access/networks.ts";
import { AccessList } from "../../src/entry/access/rules.ts";
import { ClientCounts } from "../../src/entry/limits/client-counts.ts";
import { TokenBuckets } from "../../src/entry/limits/token-buckets.ts";
import { NAMED } from "./greeting.ts";
import type { EdgeStory, Story } from "./story.ts";

/** Milliseconds that a route function has. */
export const ROUTE_MS = 20;
/** Milliseconds that a client has for each step behind its header. */
export const STEP_MS = 40;
/** Milliseconds between two rounds of dials. */
const RETRY_PAUSE_MS = 30;

/** Where the listener accepts. */
export const LISTENER = { kind: "tcp", host: "127.0.0.1", port: 6380 } as const;

/** Rows of the table: behind those of upstreams those of the listener, and of all listeners. */
export const LISTENER_ROW = 8;
export const TOTAL_ROW = 9;

/** Clients that may come at once, of those that may come so often. */
export const BURST = 2;

/** Who may not come in, where somebody may not. */
export const DENIED = ["10.0.0.1", NAMED[1]] as const;
/** Whose headers are believed, where not everybody's are. */
export const BELIEVED = "10.0.0.";

/** An upstream of which nothing is said. */
const plain = plainUpstream(LISTENER);
const access = new AccessList({ allow: [], deny: DENIED.map(parseNetwork) }).tables;
const trusted = new NetworkSet([[parseNetwork(`${BELIEVED}0/24`), true] as const]).tables;

/** What an operator changes by a reload. */
export interface Changed {
  /** Upstreams that there are, by their numbers. */
  readonly upstreams: readonly number[];
  /** Relays that each of them may have. */
  readonly maxRelays: number;
  /** Its relays are copied to its mirror, if it has one. */
  readonly isMirrored: boolean;
  /** Relays that the listener may have. */
  readonly listenerMax: number;
}

/** What a story begins with. */
export function unchanged({ upstreams, maxRelays, edge }: Story): Changed {
  const all = [...upstreams.keys()];
  return { upstreams: all, maxRelays, isMirrored: true, listenerMax: edge?.maxRelays ?? 0 };
}

/** The settings of a story's listener, which share what is counted. */
export class Settings {
  private readonly memory: Omit<AdmissionTables, "rows" | "access" | "trusted"> | null;

  constructor(private readonly story: Story) {
    const { edge } = story;
    this.memory = edge === null ? null : memoryOf(edge);
  }

  options({ upstreams, maxRelays, isMirrored, listenerMax }: Changed): ListenerOptions {
    const { story } = this;
    const { holdMs, queueMs, queueMax, tries, retries, budgetMs, mode, mirror, routes } = story;
    const { connectTimeoutMs, halfCloseTimeoutMs, idleTimeoutMs, lifetimeMs } = story;
    const { clientIdleTimeoutMs, upstreamIdleTimeoutMs, upstreamInside } = story;
    const dial = { holdMs, queueMs, queueMax, tries, retries, budgetMs };
    const rows = upstreams.map((slot) => {
      const address = story.upstreams[slot];
      if (address === undefined) throw new Error("an upstream of the story");
      return { ...plain, address, slot, maxRelays };
    });
    return {
      ...listenerDefaults,
      address: LISTENER,
      mode,
      upstreams: mode === "sink" ? [] : rows,
      dial: { ...listenerDefaults.dial, ...dial, retryPauseMs: RETRY_PAUSE_MS },
      edge: this.edge(listenerMax),
      connectTimeoutMs,
      halfCloseTimeoutMs,
      idleTimeoutMs,
      clientIdleTimeoutMs,
      upstreamIdleTimeoutMs,
      lifetimeMs,
      upstreamInside,
      mirror: isMirrored ? mirror : null,
      route: routes === "none" ? null : { hook: 0, timeoutMs: ROUTE_MS, failure: routes },
    };
  }

  private edge(listenerMax: number): EdgeOptions {
    const { edge, upRate, downRate } = this.story;
    const plain = { ...listenerDefaults.edge, upRate, downRate };
    if (edge === null || this.memory === null) return plain;
    const { believesFew, denies, hosts: _hosts, totalRelays, ...options } = edge;
    const all: AdmissionRow[] = [
      { slot: LISTENER_ROW, most: listenerMax, full: "listener_full" },
      { slot: TOTAL_ROW, most: totalRelays, full: "total_full" },
    ];
    const tables: AdmissionTables = {
      ...this.memory,
      access: denies ? access : null,
      trusted: believesFew ? trusted : null,
      rows: all.filter(({ most }) => most > 0),
    };
    return {
      ...plain,
      ...options,
      maxRelays: listenerMax,
      clientBurst: BURST,
      networkBurst: 2 * BURST,
      tables,
    };
  }
}

function memoryOf(edge: EdgeStory): Omit<AdmissionTables, "rows" | "access" | "trusted"> {
  const counts = (most: number) =>
    most === 0 ? null : new SharedArrayBuffer(ClientCounts.bytesFor());
  const rates = (rate: number) =>
    rate === 0 ? null : new SharedArrayBuffer(TokenBuckets.bytesFor());
  return {
    counts: counts(edge.maxRelaysPerClient),
    rates: rates(edge.clientRate),
    networkCounts: counts(edge.maxRelaysPerNetwork),
    networkRates: rates(edge.networkRate),
    // No TLS ends in these stories.
    handshakes: null,
    clientHandshakes: null,
  };
}
