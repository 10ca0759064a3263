import { ConfigError } from "../base/error.ts";
import { isNobody } from "../config/edge.ts";
import type { AdmissionTables, EdgeOptions, WantedListener } from "../config/options.ts";
import type { NetworkList } from "../config/table/entering.ts";
import { readNetworks } from "../entry/access/file.ts";
import { type Network, NetworkSet } from "../entry/access/networks.ts";
import { AccessList } from "../entry/access/rules.ts";
import { HANDSHAKES_CAPACITY } from "../entry/admission.ts";
import { ClientCounts } from "../entry/limits/client-counts.ts";
import { NETWORK_PREFIXES } from "../entry/limits/client-hash.ts";
import { TokenBuckets } from "../entry/limits/token-buckets.ts";
import { homesOf, keyed } from "./plan.ts";
import type { Rows } from "./rows.ts";
import type { Next, Part, Stage } from "./stage.ts";

/** A listener's access list and trusted networks, as tables that all threads can read. */
type Lists = Pick<AdmissionTables, "access" | "trusted">;

/** What workers share for one listener. The memory stays as long as the limits do. */
interface Memory {
  readonly lists: Lists;
  readonly clients: Counted;
  readonly networks: Counted;
  readonly handshakes: Rated;
  readonly clientHandshakes: Rated;
}

/** A rate, and what was used of it. */
interface Rated {
  readonly rate: number;
  readonly rates: SharedArrayBuffer | null;
}

/** The limits and counts of clients, or of networks. */
interface Counted {
  readonly rate: number;
  readonly burst: number;
  readonly rates: SharedArrayBuffer | null;
  readonly counts: SharedArrayBuffer | null;
}

/** Named rows of the table that all workers share. */
type NamedRows = Pick<Rows, "rowOf" | "keepRows">;

/** What a reload replaces. */
interface Holding {
  readonly homes: ReadonlyMap<string, string>;
  /** By the homes of listeners. */
  readonly memories: ReadonlyMap<string, Memory>;
  /** The names of rows in use. */
  readonly rows: Set<string>;
}

const nothing: Holding = { homes: new Map(), memories: new Map(), rows: new Set() };

/** The name of the row that counts the relays of the whole process. */
const ALL = "all relays";

/**
 * The edges of all listeners in the control plane: reads the files of networks, makes the lists and
 * allocates the memory in which workers count clients. Counts survive reloads.
 */
export class Edges implements Part {
  private holding = nothing;
  /** What a reload in progress will put in its place. */
  private staged = nothing;

  constructor(
    private readonly workers: number,
    private readonly rows: NamedRows,
  ) {}

  /**
   * Adds to listeners what engines need to know about their edges. Counts so far stay until the
   * commit, so a failed reload loses none.
   *
   * @throws ConfigError with all mistakes in files of networks, or if no row is left
   */
  async stage(next: Next): Promise<Stage> {
    const { listeners, totalRelays } = next.wanted;
    const homes = homesOf(listeners, this.holding.homes);
    const memories = new Map<string, Memory>();
    for (const [key, { edge }] of keyed(listeners)) {
      const home = homes.get(key) ?? key;
      // Addresses with one name have the same edge: read its files once.
      if (memories.has(home)) continue;
      memories.set(home, { lists: await listsOf(edge), ...this.memoryOf(home, edge) });
    }
    this.staged = { homes, memories, rows: new Set() };
    try {
      next.edged = this.edged(listeners, totalRelays, this.staged);
    } catch (error) {
      this.hold(this.holding);
      throw error;
    }
    const { staged } = this;
    return { commit: () => this.hold(staged), discard: () => this.hold(this.holding) };
  }

  /**
   * Returns the keys (see {@link keyed}) of listeners whose files have changed.
   *
   * @throws ConfigError with all mistakes in files of networks
   */
  async changed(listeners: readonly WantedListener[]): Promise<Set<string>> {
    const keys = new Set<string>();
    for (const [key, { edge }] of keyed(listeners)) {
      const before = this.holding.memories.get(this.holding.homes.get(key) ?? key);
      const lists = await listsOf(edge);
      if (before !== undefined && !Bun.deepEquals(before.lists, lists, true)) keys.add(key);
    }
    return keys;
  }

  /** Takes back the clients that a failed worker had counted. @param worker 0, 1, 2… */
  workerFailed(worker: number): void {
    // Also those of a reload in progress: its listeners may have admitted clients.
    const known = [this.holding, this.staged].flatMap(({ memories }) => [...memories.values()]);
    const takeBack = (memories: readonly (SharedArrayBuffer | null)[], prefixes = {}) => {
      for (const memory of new Set(memories)) {
        if (memory === null) continue;
        new ClientCounts({ max: 1, workers: this.workers, memory, ...prefixes }).takeBack(worker);
      }
    };
    takeBack(known.map(({ clients }) => clients.counts));
    takeBack(
      known.map(({ networks }) => networks.counts),
      NETWORK_PREFIXES,
    );
  }

  private hold(holding: Holding): void {
    this.holding = holding;
    this.staged = holding;
    this.rows.keepRows(holding.rows);
  }

  /** @param most relays of all listeners together; 0 for any number */
  private edged(
    listeners: readonly WantedListener[],
    most: number,
    { homes, memories, rows: names }: Holding,
  ): WantedListener[] {
    return Array.from(keyed(listeners), ([key, listener]) => {
      const { edge } = listener;
      const home = homes.get(key) ?? key;
      const { lists, clients, networks, handshakes, clientHandshakes } = memories.get(
        home,
      ) as Memory;
      const limits = [
        { name: home, most: edge.maxRelays, full: "listener_full" as const },
        { name: ALL, most, full: "total_full" as const },
      ].filter((one) => one.most > 0);
      const rows = limits.map(({ name, most, full }) => {
        names.add(name);
        return { slot: this.rows.rowOf(name), most, full };
      });
      const tables: AdmissionTables = {
        ...lists,
        rows,
        rates: clients.rates,
        counts: clients.counts,
        networkRates: networks.rates,
        networkCounts: networks.counts,
        handshakes: handshakes.rates,
        clientHandshakes: clientHandshakes.rates,
      };
      return isNeeded(tables, edge) ? { ...listener, edge: { ...edge, tables } } : listener;
    });
  }

  private memoryOf(home: string, edge: EdgeOptions): Omit<Memory, "lists"> {
    const { clientRate, clientBurst, networkRate, networkBurst } = edge;
    const before = this.holding.memories.get(home);
    return {
      clients: this.counted(clientRate, clientBurst, edge.maxRelaysPerClient, before?.clients),
      networks: this.counted(networkRate, networkBurst, edge.maxRelaysPerNetwork, before?.networks),
      handshakes: rated(edge.tlsHandshakeRate, before?.handshakes, HANDSHAKES_CAPACITY),
      clientHandshakes: rated(edge.tlsClientHandshakeRate, before?.clientHandshakes),
    };
  }

  private counted(rate: number, burst: number, max: number, before?: Counted): Counted {
    const isSameRate = before?.rate === rate && before.burst === burst;
    const rates = () => new SharedArrayBuffer(TokenBuckets.bytesFor());
    const counts = () => new SharedArrayBuffer(ClientCounts.bytesFor(undefined, this.workers));
    return {
      rate,
      burst,
      rates: rate === 0 ? null : ((isSameRate ? before?.rates : null) ?? rates()),
      counts: max === 0 ? null : (before?.counts ?? counts()),
    };
  }
}

/** @param rate 0 for any */
function rated(rate: number, before: Rated | undefined, capacity?: number): Rated {
  if (rate === 0) return { rate, rates: null };
  if (before?.rate === rate) return before;
  return { rate, rates: new SharedArrayBuffer(TokenBuckets.bytesFor(capacity)) };
}

/** Checks all files of networks. @throws ConfigError with all their mistakes */
export async function checkNetworks(listeners: readonly WantedListener[]): Promise<void> {
  await allOf(listeners.map(({ edge }) => listsOf(edge)));
}

/**
 * Returns the lists of an edge, with its files.
 *
 * @throws ConfigError with all mistakes in the files
 */
async function listsOf(edge: EdgeOptions): Promise<Lists> {
  const { proxyProtocolFrom: believed } = edge;
  const isAny = believed === "any" || isNobody(believed);
  const lists = [edge.allow, edge.deny, ...(believed === "any" ? [] : [believed])];
  const [allow = [], deny = [], from = []] = await allOf(lists.map(networksOf));
  const hasRules = !isNobody(edge.allow) || !isNobody(edge.deny);
  return {
    access: hasRules ? new AccessList({ allow, deny }).tables : null,
    trusted: isAny
      ? null
      : new NetworkSet<true>(from.map((network) => [network, true] as const)).tables,
  };
}

async function networksOf({ networks, files }: NetworkList): Promise<Network[]> {
  const read = await allOf(files.map(readNetworks));
  return [...networks, ...read.flat()];
}

/** Waits for all promises. @throws ConfigError with the problems of all that failed */
async function allOf<T>(wanted: readonly Promise<T>[]): Promise<T[]> {
  const given: T[] = [];
  const problems = new Set<string>();
  for (const outcome of await Promise.allSettled(wanted)) {
    if (outcome.status === "fulfilled") given.push(outcome.value);
    else if (!(outcome.reason instanceof ConfigError)) throw outcome.reason;
    else for (const problem of outcome.reason.problems) problems.add(problem);
  }
  if (problems.size > 0) throw new ConfigError([...problems]);
  return given;
}

function isNeeded(tables: AdmissionTables, edge: EdgeOptions): boolean {
  const { trusted: _, rows, ...limits } = tables;
  if (rows.length > 0 || Object.values(limits).some((one) => one !== null)) return true;
  return edge.proxyProtocol !== "off";
}
