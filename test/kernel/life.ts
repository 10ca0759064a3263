import type { Address } from "../../src/base/address.ts";
import { listenerDefaults, uringDefaults } from "../../src/config/defaults.ts";
import type {
  ListenerOptions,
  MemoryOptions,
  MirrorOptions,
  Mode,
  UringOptions,
} from "../../src/config/options.ts";
import { Held, heldMemory } from "../../src/engine/held.ts";
import type { UringConduit } from "../../src/engine/uring/conduit.ts";
import type { UringCopy } from "../../src/engine/uring/copy.ts";
import type { Loop, Report } from "../../src/engine/uring/loop.ts";
import { Operation, ticketLow } from "../../src/engine/uring/ticket.ts";
import type { RouteAnswer } from "../../src/entry/route/answer.ts";
import type { ProxyEvent } from "../../src/relay/events.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import type { RouteQuestion } from "../../src/relay/route-questions.ts";
import { wholeShare } from "../../src/relay/share.ts";
import { descriptorLimit } from "../../src/system/libc.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { rowed } from "../fixtures/options.ts";
import { seeded } from "../fixtures/random.ts";
import { holds, RuleBroken } from "../model/fuzz.ts";
import { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Ending } from "./end.ts";
import { FakeKernel } from "./fake-kernel.ts";
import { Fate, type Faults } from "./faults.ts";
import { checkEnded, checkEverythingGone } from "./judge.ts";
import { checkLoop, type LoopInside } from "./loop-inside.ts";
import { ticketKey, ticketName } from "./operation.ts";
import { type Listening, Port, World } from "./world.ts";

/** The class under test: {@link Loop}, or a mutant of it. */
export type LoopClass = new (...of: ConstructorParameters<typeof Loop>) => Loop;

/** Milliseconds of the fake clock, and turns, after which everything must have come to its end. */
const CALM_MS = 120_000;
const CALM_TURNS = 20_000;
const STORM_TURNS = 3_000;
/** Milliseconds that a route function has, and that it may take. */
const ROUTE_MS = 20;
const ROUTE_ANSWER_MS = 30;
/** Milliseconds that looking a name up takes at most. */
const LOOKUP_MS = 40;

/** Descriptors that no process has: what slips through to the real kernel is refused. */
const HIGH_DESCRIPTOR = 1 << 30;
/** Those have a place in the file table; nobody has so many open here. */
const LOW_DESCRIPTOR = Math.min(32_768, descriptorLimit()) - 512;

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
  /** Milliseconds in which clients come and faults happen. */
  readonly stormMs: number;
  /** Stop in the middle of the storm instead of after all relays have ended. */
  readonly stopsEarly: boolean;
  readonly drainMs: number;
  readonly segmentCount: number;
  readonly bufferSize: number;
  readonly bufferCount: number;
  readonly entries: number;
  readonly completions: number;
  readonly incremental: boolean;
  readonly receive: UringOptions["receive"];
  readonly receiveAs: "plain" | "bundles" | "messages";
  readonly send: UringOptions["send"];
  readonly fixedFiles: boolean;
  readonly waitCount: number;
  readonly yield: UringOptions["yield"];
  /** Descriptors that the process may have for relays. */
  readonly descriptors: number;
  readonly connectTimeoutMs: number;
  /** Clients are held so long while no upstream can be reached. */
  readonly holdMs: number;
  /** Relays that an upstream may have, 0 for any number; whoever finds no room waits so long. */
  readonly maxRelays: number;
  readonly queueMs: number;
  /** Bytes per second, or 0. */
  readonly upRate: number;
  readonly downRate: number;
  /** A function decides about each relay. */
  readonly routes: boolean;
  /** Gets a copy of so many of a hundred relays, of each of which so much may wait. */
  readonly mirror: MirrorOptions | null;
}

/** A loop on a fake kernel, from its first client to its stop, with every rule checked on the way. */
export class Life implements Report {
  readonly clock = new Clock();
  readonly fate: Fate;
  readonly world: World;
  readonly kernel: FakeKernel;
  readonly loop: Loop;
  /** What the loop has written down of low descriptors. */
  readonly held = new Held(heldMemory(LOW_DESCRIPTOR + 512));
  readonly ended: RelaySummary[] = [];
  readonly listening: Listening = { name: "listener", waiting: [] };
  turns = 0;
  /** Times that accepting was paused. */
  pauses = 0;
  isStopped = false;
  drains = false;
  private readonly commands: (() => void)[] = [];
  readonly inside: LoopInside;

  constructor(
    LoopUnderTest: LoopClass,
    readonly story: Story,
  ) {
    const { clock } = this;
    this.fate = new Fate(story.faults, seeded(story.seed));
    const manners = { ...story, spanMs: story.stormMs };
    this.world = new World(clock, this.fate, manners, story.mode);
    const { entries, completions, incremental } = story;
    // Whose buffers lie where is told by the order of completions alone.
    const keepOrder = incremental || story.receiveAs === "bundles";
    const firstDescriptor = story.fixedFiles ? LOW_DESCRIPTOR : HIGH_DESCRIPTOR;
    this.kernel = new FakeKernel(
      { entries, completions, firstDescriptor, keepOrder },
      clock,
      this.fate,
      this.world,
    );
    const memory: MemoryOptions = { segmentSize: 4096, segmentCount: story.segmentCount };
    const uring: UringOptions = {
      ...uringDefaults,
      incremental,
      receive: story.receive,
      receiveBundles: story.receiveAs === "bundles",
      receiveMessages: story.receiveAs === "messages",
      send: story.send,
      waitCount: story.waitCount,
      yield: story.yield,
      fixedFiles: story.fixedFiles,
      entries,
      bufferSize: story.bufferSize,
      bufferCount: story.bufferCount,
      largeBufferSize: 16 * 1024,
    };
    this.loop = clock.during(
      () =>
        new LoopUnderTest(
          this.kernel,
          this.kernel,
          {
            memory,
            uring,
            share: { ...wholeShare, upstreams: upstreamsOf(story) },
            wakeFd: this.kernel.eventDescriptor,
            held: this.held,
          },
          this,
        ),
    );
    this.inside = this.loop as unknown as LoopInside;
    this.kernel.hasFewDescriptors = story.descriptors < 1_000;
    this.kernel.ownerOf = (attempt) => {
      const owner = this.inside.connector.slots[attempt]?.owner;
      // Nobody waits for one that was abandoned. Mutants have classes of their own, so members tell.
      if (owner === null || owner === undefined) return { tenancy: "nobody", copyOf: null };
      if (isConduit(owner)) return { tenancy: nameOf(owner), copyOf: null };
      const { slot, generation, relay } = owner as UringCopy;
      const copyOf = this.kernel.handedOver[relay - 1] ?? null;
      return { tenancy: `copy ${ticketName(slot, generation)}`, copyOf };
    };
    this.kernel.relayOf = (slot, generation) => {
      const end = this.inside.ends.slots[slot];
      const conduit = end?.owner as UringConduit | null | undefined;
      if (end?.generation !== generation || !conduit) return { tenancy: "nobody", partner: -1 };
      const other = end === conduit.client ? conduit.upstream : conduit.client;
      const low = ticketLow(Operation.Receive, other?.slot ?? 0);
      return { tenancy: nameOf(conduit), partner: ticketKey(low, other?.generation ?? 0) };
    };
    Object.assign(this.loop.hall.descriptors, { most: story.descriptors, allot: () => {} });
  }

  /** The whole story. Throws where a rule is broken. */
  run(): void {
    this.clock.during(() => {
      try {
        this.begin();
        this.storm();
        if (!this.story.stopsEarly) this.calm();
        this.stop();
      } finally {
        this.loop.close();
      }
    });
  }

  /** Listens, and lets the clients come. */
  begin(): void {
    this.world.expect(this.story.clients, this.listening);
    const descriptor = this.kernel.listen(this.listening);
    this.command(() => this.loop.listen(0, this.listenerOptions(), descriptor));
  }

  /** Everything that may go wrong does. */
  storm(): void {
    const until = this.clock.now + this.story.stormMs;
    this.kernel.at(until, () => this.kernel.signal());
    for (let turn = 0; turn < STORM_TURNS && this.clock.now < until; turn++) this.turn();
  }

  /** Nothing goes wrong any more: all relays come to their ends. */
  calm(): void {
    this.fate.cease();
    this.world.calm();
    const { pages, hall } = this.inside;
    const { copies } = hall;
    const lateCopies = () => pages.stats().mirrors[0]?.dropped.timeout ?? 0;
    const late = lateCopies();
    this.until("every relay comes to its end when the faults cease", () => {
      const waits = this.world.expected > 0 || this.listening.waiting.length > 0;
      return !waits && this.ended.length === this.kernel.handedOver.length;
    });
    this.until("every copy comes to its end", () => copies.count === 0);
    holds(lateCopies() === late || !this.answersDials, "a mirror that reads gets all, and the end");
  }

  /** Whether the mirror has never kept silent when it was dialled. */
  private get answersDials(): boolean {
    const { mirror, faults } = this.story;
    const address = mirror?.address;
    return faults.silent === 0 && address?.kind === "tcp" && address.port === Port.Answers;
  }

  /** Stops the loop: nothing may be left of it. */
  stop(): void {
    const { loop, story } = this;
    this.world.deter();
    this.drains = true;
    this.kernel.drains = true;
    const until = this.clock.now + story.drainMs;
    this.command(() => loop.stop(story.drainMs));
    // Faults may go on while relays drain, but not for ever.
    while (this.clock.now < until && !this.isStopped) this.turn();
    this.fate.cease();
    this.until("a stop comes to its end", () => this.isStopped);
    // What the last turn has prepared is still submitted.
    this.command(() => loop.end());
    this.turn();
    checkEverythingGone(this);
  }

  /** Turns until something is so. */
  until(rule: string, isSo: () => boolean): void {
    const before = { turns: this.turns, now: this.clock.now };
    while (!isSo()) {
      holds(this.turns - before.turns < CALM_TURNS, `${rule}: in so many turns`);
      holds(this.clock.now - before.now < CALM_MS, `${rule}: in so much time`);
      this.turn();
    }
  }

  /** One turn of the loop, at the end of which every rule is checked. */
  turn(): void {
    this.turns++;
    this.loop.turn();
    checkLoop(this.inside, this.kernel);
  }

  /** Tells the loop something, as the control plane does: through the eventfd. */
  command(call: () => void): void {
    this.commands.push(call);
    this.kernel.signal();
  }

  /** The listener of this story. */
  listenerOptions(): ListenerOptions {
    const { mode, connectTimeoutMs, holdMs, maxRelays, queueMs, upRate, downRate } = this.story;
    const { routes, mirror } = this.story;
    const upstreams = this.story.upstreams.map((one, slot) => ({ ...rowed(one, slot), maxRelays }));
    return {
      ...listenerDefaults,
      address: { kind: "tcp", host: "127.0.0.1", port: 6380 },
      mode,
      upstreams: mode === "sink" ? [] : upstreams,
      dial: { ...listenerDefaults.dial, holdMs, queueMs },
      edge: { ...listenerDefaults.edge, upRate, downRate },
      connectTimeoutMs,
      halfCloseTimeoutMs: 600_000,
      mirror,
      route: routes ? { hook: 0, timeoutMs: ROUTE_MS, failure: "relay" } : null,
    };
  }

  // --- what the loop tells ---

  readonly wantsStarts = false;
  on(event: ProxyEvent): void {
    if (event.event === "acceptPaused") this.pauses++;
    if (event.event !== "relayEnded") return;
    const { relay } = event;
    this.ended.push(relay);
    holds(this.ended.filter(({ id }) => id === relay.id).length === 1, "a relay ends once");
    checkEnded(this, relay, this.clientOf(relay));
  }
  resolve(
    address: Address,
    _slot: number | null,
    answer: (addresses: readonly Address[]) => void,
  ): void {
    const addresses = this.addressesOf(address.kind === "tcp" ? address.host : address.path);
    const at = this.clock.now + this.fate.random() * LOOKUP_MS;
    this.kernel.at(at, () => this.command(() => answer(addresses)));
  }
  askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void {
    const { random } = this.fate;
    const upstream = Math.floor(random() * (question.connection.upstreams.length + 1)) - 1;
    const isRefused = random() < 0.2;
    const isStrict = upstream >= 0 && random() < 0.5;
    const told: RouteAnswer =
      random() < 0.1 ? { failure: "it throws" } : { upstream, isStrict, label: "label", isRefused };
    // Also when nobody waits any more: it may be on its way already. And some never answer.
    if (random() < 0.9) {
      this.kernel.at(this.clock.now + random() * ROUTE_ANSWER_MS, () =>
        this.command(() => answer(told)),
      );
    }
    return () => {};
  }
  routeFailed(): void {}
  mirrorDropped(): void {}
  unlistened(): void {}
  stopped(): void {
    this.isStopped = true;
  }
  woken(): void {
    for (const call of this.commands.splice(0)) call();
  }
  tidy(): void {}
  turnEnded(): number {
    return Infinity;
  }

  /** The client of a relay: relays are numbered in the order of acceptance. */
  private clientOf({ id, client }: RelaySummary): Connection {
    const connection = this.kernel.handedOver[id - 1];
    if (connection === undefined) throw new RuleBroken("a relay has a client");
    const name = connection.isNameless ? "unknown" : connection.name;
    holds(client === name, "a relay is told with its client");
    return connection;
  }

  /** What a name means: its host says how many addresses it has. */
  private addressesOf(host: string): Address[] {
    const tcp = (port: number): Address => ({ kind: "tcp", host: "10.9.9.9", port });
    const silent = tcp(Port.Silent);
    if (host === "none.test") return [];
    if (host === "far.test") return [...Array<Address>(6).fill(silent), tcp(Port.Answers), silent];
    if (host === "slow.test") {
      const [slow, refuses] = [tcp(Port.Slow), tcp(Port.Refuses)];
      return [slow, silent, refuses, slow, refuses];
    }
    if (host === "many.test") {
      return [tcp(Port.Refuses), tcp(Port.Unreachable), tcp(Port.Answers)];
    }
    return [tcp(Port.Answers)];
  }
}

/** A table of upstreams, in which only the story's own are open: there are rows for very many. */
function upstreamsOf({ upstreams }: Story): SharedArrayBuffer {
  const table = new UpstreamTable(1);
  for (const slot of upstreams.keys()) table.reset(slot, 1);
  return table.memory;
}

function isConduit(owner: object): owner is UringConduit {
  return "client" in owner;
}

function nameOf({ id }: UringConduit): string {
  return `relay ${id}`;
}
