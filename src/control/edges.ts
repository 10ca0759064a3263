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
import type { Next, Part, Stage } from "./stage.ts";

/** Whom a listener lets in, and whom it believes, as tables that all threads can read. */
type Lists = Pick<AdmissionTables, "access" | "trusted">;

/** What workers share for one listener; the memory as long as its limits stay what they are. */
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

/** What is counted of clients, or of their networks. */
interface Counted {
  readonly rate: number;
  readonly burst: number;
  readonly rates: SharedArrayBuffer | null;
  readonly counts: SharedArrayBuffer | null;
}

/** Rows of the table that all workers share, by names. */
export interface Rows {
  /** Gives out a row, the same one for the same name. */
  rowOf(name: string): number;
  /** All rows but those of these names are given back. */
  keepRows(names: ReadonlySet<string>): void;
}

/** What a reload decides about. */
interface Holding {
  readonly homes: ReadonlyMap<string, string>;
  /** By the homes of listeners. */
  readonly memories: ReadonlyMap<string, Memory>;
  /** The names of rows in use. */
  readonly rows: Set<string>;
}

const nothing: Holding = { homes: new Map(), memories: new Map(), rows: new Set() };

/** The row of the relays of the whole process. */
const ALL = "all relays";

/**
 * The edge of all listeners as the control plane knows it: it reads the files of networks, makes the
 * lists and gives out the memory in which workers count clients. What was counted outlives reloads.
 */
export class Edges implements Part {
  private holding = nothing;
  /** What will hold if the reload that is under way can be carried out. */
  private staged = nothing;

  constructor(
    private readonly workers: number,
    private readonly rows: Rows,
  ) {}

  /**
   * The same listeners with what engines need to know of their edges. What is counted so far stays until that
   * holds, so that a reload that fails loses none of it.
   *
   * @throws ConfigError with all that is wrong with a file of networks, or when no row is left
   */
  async stage(next: Next): Promise<Stage> {
    const { listeners, totalRelays } = next.wanted;
    const homes = homesOf(listeners, this.holding.homes);
    const memories = new Map<string, Memory>();
    for (const [key, { edge }] of keyed(listeners)) {
      const home = homes.get(key) ?? key;
      // Addresses with one name have the same edge: what it says is read once.
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
   * The listeners for which files say something else now.
   *
   * @returns their keys; see {@link keyed}
   * @throws ConfigError with all that is wrong with a file of networks
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

  /** A worker is no more: the clients that it had counted are taken back. @param worker 0, 1, 2… */
  workerFailed(worker: number): void {
    // Of a reload that is under way, too: its listeners may have let clients in.
    const known = [this.holding, this.staged].flatMap(({ memories }) => [...memories.values()]);
    const { workers } = this;
    for (const memory of new Set(known.map(({ clients }) => clients.counts))) {
      if (memory !== null) new ClientCounts({ max: 1, workers, memory }).takeBack(worker);
    }
    for (const memory of new Set(known.map(({ networks }) => networks.counts))) {
      if (memory === null) continue;
      new ClientCounts({ max: 1, workers, memory, ...NETWORK_PREFIXES }).takeBack(worker);
    }
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

/** Reads all files of networks, and forgets them. @throws ConfigError with all that is wrong with them */
export async function checkNetworks(listeners: readonly WantedListener[]): Promise<void> {
  await allOf(listeners.map(({ edge }) => listsOf(edge)));
}

/** What an edge's lists and files say. @throws ConfigError with all that is wrong with the files */
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

/** What all of these give. @throws ConfigError with all that is wrong with any of them */
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
