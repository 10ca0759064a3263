import { type Address, formatAddress } from "../../src/base/address.ts";
import { ProxyHeaderParser } from "../../src/entry/proxy-protocol/parser.ts";
import type { RouteAnswer } from "../../src/entry/route/answer.ts";
import type { StepPlan } from "../../src/entry/step.ts";
import { RelayPhase } from "../../src/flow/relay.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import { endName } from "../../src/relay/ledger/summary.ts";
import { hearing } from "../../src/relay/observer.ts";
import type { RouteQuestion } from "../../src/relay/route-questions.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import { seeded } from "../fixtures/random.ts";
import { PeekPlan, REQUEST, RequestPlan } from "../fixtures/test-steps.ts";
import { Clock } from "../kernel/clock.ts";
import type { Connection } from "../kernel/connection.ts";
import type { Plan } from "../kernel/end.ts";
import { Fate } from "../kernel/faults.ts";
import { checkRelay } from "../kernel/judge.ts";
import { type Listening, Port, World } from "../kernel/world.ts";
import { holds } from "../model/fuzz.ts";
import { SimulatedCarrier } from "./carrier.ts";
import { type SimulatedConduit, SimulatedListener } from "./conduit.ts";
import { checkDialled, headerOver, isBelieved, type Limits, type Wanted } from "./entering.ts";
import { type Greeting, someGreeting } from "./greeting.ts";
import { operate } from "./operator.ts";
import { checkReason } from "./reasons.ts";
import { checkRetired } from "./retiring.ts";
import { checkRelays } from "./rules.ts";
import {
  type Changed,
  LISTENER_ROW,
  ROUTE_MS,
  Settings,
  STEP_MS,
  TOTAL_ROW,
  unchanged,
} from "./settings.ts";
import type { Story } from "./story.ts";
import { Waits } from "./waits.ts";
import { Sight, Witness } from "./witness.ts";

/** Milliseconds of the virtual clock, and steps, after which everything must have come to its end. */
const CALM_MS = 120_000;
const CALM_STEPS = 50_000;
const STORM_STEPS = 10_000;
/** Milliseconds that a route function may take. */
const ROUTE_ANSWER_MS = 30;
/** Milliseconds that looking a name up takes at most. */
const LOOKUP_MS = 40;
/** Milliseconds between two things that an operator does, on average. */
const OPERATOR_MS = 60;
/** Milliseconds that an end has to take what came before a reset. */
const STALL_MS = 2_000;
const NOTHING = new Uint8Array(0);
/** Milliseconds in which everything is gone when the time of a stop is over. */
const STOPPED_MS = 5_000;
/** A step in which nothing is due takes so long. */
const TICK_MS = 0.05;

/** The real relay layer on the simulated carrier, from its first client to its stop, with every rule checked on the way. */
export class Life {
  readonly clock = new Clock();
  readonly fate: Fate;
  readonly world: World;
  readonly carrier: SimulatedCarrier;
  readonly ended: RelaySummary[] = [];
  readonly listening: Listening = { name: "listener", waiting: [] };
  drains = false;
  steps = 0;
  private readonly witness: Witness;
  private readonly settings: Settings;
  private readonly limits: Limits;
  private readonly greetings = new Map<Connection, Greeting>();
  /** Those that ask for encryption, once it is their turn. */
  private readonly asking = new Set<Connection>();
  /** Clients that the route function has let not in, as it knows them. */
  private readonly refused = new Set<string>();
  /** Where it has sent the others. */
  private readonly wanted = new Map<string, Wanted>();
  /** When each row of the table last had no room. */
  private readonly fullAt = new Map<number, number>();
  private readonly wished = { drain: false, gone: false, cut: new Set<number>() };
  /** What has happened, for whoever has to understand a story that fails. */
  readonly told: string[] = [];
  private readonly plans: readonly StepPlan[];
  private operatesAt = Infinity;
  private readonly waits: Waits;
  /** Before that nobody is retired who waits for an answer. */
  private answersUntil = -Infinity;

  constructor(readonly story: Story) {
    const { clock } = this;
    this.fate = new Fate(story.faults, seeded(story.seed));
    this.plans = [
      ...(story.request ? [new RequestPlan(STEP_MS, true)] : []),
      ...(story.peek > 0 ? [new PeekPlan(STEP_MS, story.peek)] : []),
    ];
    this.world = new World(clock, this.fate, { ...story, spanMs: story.stormMs }, story.mode);
    this.world.greet = (client) => this.greet(client);
    this.settings = new Settings(story);
    this.limits = { listener: 0, upstream: 0 };
    this.waits = new Waits(this);
    this.witness = new Witness(
      () => clock.now,
      (what) => this.tell(what),
    );
    const { witness } = this;
    const addressOf = (client: Connection) => this.addressOf(client);
    this.carrier = clock.during(
      () =>
        new SimulatedCarrier(
          story,
          clock,
          this.fate,
          this.world,
          witness,
          addressOf,
          this.listening,
          {
            observer: this.observer,
            resolve: (address, _slot, answer) => {
              const host = address.kind === "tcp" ? address.host : address.path;
              this.later(LOOKUP_MS, () => answer(addressesOf(host)));
            },
            askRoute: (question, answer) => this.askRoute(question, answer),
          },
        ),
    );
    const { carrier, limits, refused, wanted } = this;
    const { descriptors, table } = carrier.hall;
    Object.assign(descriptors, { most: story.descriptors, allot: () => {} });
    carrier.onAccept = (client) => this.accepted(client);
    carrier.onDial = (conduit, address) => {
      this.noteDial(conduit);
      this.tell(`relay ${conduit.id} dials port ${address.kind === "tcp" ? address.port : 0}`);
      checkDialled(conduit, address, { carrier, story, limits, refused, wanted });
    };
    carrier.onHeaderOver = (client) => this.headerOver(client);
    carrier.onRetire = (conduit, reason) =>
      checkRetired(conduit, reason, clock.now, this.answersUntil);
    carrier.onHeader = (upstream, bytes) => this.checkHeader(upstream, bytes);
    const enter = table.enter.bind(table);
    table.enter = (row, most) => {
      const hasRoom = enter(row, most);
      if (!hasRoom) this.fullAt.set(row, clock.now);
      return hasRoom;
    };
  }

  /** The whole story. Throws where a rule is broken. */
  run(): void {
    const { random } = Math;
    // Chance is the seed's, whoever asks for it.
    Math.random = this.fate.random;
    try {
      this.clock.during(() => {
        this.begin();
        this.storm();
        if (!this.story.stopsEarly) this.calm();
        this.stop();
      });
    } finally {
      Math.random = random;
    }
  }

  private begin(): void {
    const { carrier, story, world } = this;
    world.expect(story.clients, this.listening);
    this.listen(unchanged(story));
    for (const slot of story.upstreams.keys()) carrier.hall.table.setOpen(slot, true);
    if (story.operator) this.operatesAt = this.clock.now;
  }

  private listen(changed: Changed, before: SimulatedListener | null = null): void {
    const { carrier, limits, story } = this;
    const { hall } = carrier;
    const options = this.settings.options(changed);
    const isFirst = before === null;
    limits.listener = higher(isFirst, limits.listener, changed.listenerMax);
    limits.upstream = higher(isFirst, limits.upstream, changed.maxRelays);
    if (story.mode === "sink") limits.upstream = 0;
    const parts = hall.partsOf(options, options.address, before);
    const steps = [...parts.steps, ...this.plans];
    const listener = new SimulatedListener({ ...parts, steps }, hall.dialer);
    carrier.listener = listener;
    if (before === null) return;
    listener.serve();
  }

  /** Everything that may go wrong does. */
  private storm(): void {
    const until = this.clock.now + this.story.stormMs;
    for (let step = 0; step < STORM_STEPS && this.clock.now < until; step++) {
      if (this.clock.now >= this.operatesAt) this.operate();
      this.step();
    }
  }

  private operate(): void {
    const { carrier, fate, story } = this;
    const { hall } = carrier;
    this.operatesAt = this.clock.now + fate.random() * 2 * OPERATOR_MS;
    operate({
      hall,
      fate,
      story,
      tell: (what) => this.tell(what),
      reload: (changed) => {
        if (carrier.listener !== null) this.listen(changed, carrier.listener);
      },
      wishes: (what) => {
        if (typeof what === "object") this.wished.cut.add(what.cut);
        else this.wished[what] = true;
        this.drain();
      },
      drop: (slot, withinMs) => {
        const dials = ({ relay, upstreamSlot }: SimulatedConduit) =>
          relay.phase === RelayPhase.Dialing && upstreamSlot === slot;
        const dialling = [...carrier.ledger.running].filter(dials);
        const begun = new Map(dialling.map((conduit) => [conduit, conduit.dials]));
        hall.drop({ slot }, withinMs);
        // Who has waited for a place may have theirs, and they one after that, as the upstream is not down.
        const goesOn = dialling.some((one) => dials(one) && begun.get(one) === one.dials);
        holds(!goesOn, "nobody dials on an upstream whose relays are ended");
      },
    });
  }

  /** Nothing goes wrong any more: all relays come to their ends. */
  private calm(): void {
    const { carrier, story } = this;
    this.operatesAt = Infinity;
    this.fate.cease();
    this.world.calm();
    const { table } = carrier.hall;
    for (const slot of story.upstreams.keys()) {
      table.setOpen(slot, true);
      table.setWeight(slot, 1);
    }
    this.until("every relay comes to its end when the faults cease", () => {
      const waits = this.world.expected > 0 || this.listening.waiting.length > 0;
      return !waits && this.ended.length === carrier.accepted.length;
    });
    this.until("every copy comes to its end", () => carrier.hall.copies.count === 0);
  }

  /** Stops: nothing may be left. */
  private stop(): void {
    const { carrier, story } = this;
    const { hall } = carrier;
    this.operatesAt = Infinity;
    this.world.deter();
    this.drain();
    this.wished.drain = true;
    this.tell(`stop within ${story.drainMs} ms`);
    const until = this.clock.now + story.drainMs;
    if (!story.operator) this.answersUntil = until - Math.min(2_000, story.drainMs / 4) / 2;
    hall.isStopping = true;
    carrier.unlisten();
    hall.stop(story.drainMs);
    // Faults may go on while relays drain, but not for ever.
    while (this.clock.now < until && !carrier.isStopped) this.step();
    this.fate.cease();
    const over = Math.max(this.clock.now, until) + STOPPED_MS;
    this.until("a stop comes to its end", () => carrier.isStopped);
    holds(this.clock.now <= over, "a stop comes to its end in time");
    this.checkNothingLeft();
  }

  /** A name's addresses are of one dial. */
  private noteDial({ client, dials, upstreamSlot }: SimulatedConduit): void {
    const dialled = client === null ? undefined : this.witness.of(client.connection)?.dialled;
    if (dialled === undefined || upstreamSlot === null) return;
    dialled[dials - 1] = upstreamSlot;
  }

  private drain(): void {
    this.drains = true;
    this.carrier.drains = true;
  }

  private until(rule: string, isSo: () => boolean): void {
    const before = { steps: this.steps, now: this.clock.now };
    while (!isSo()) {
      holds(this.steps - before.steps < CALM_STEPS, `${rule}: in so many steps`);
      holds(this.clock.now - before.now < CALM_MS, `${rule}: in so much time`);
      this.step();
    }
  }

  /** One step, at the end of which every rule is checked. */
  private step(): void {
    this.steps++;
    const { carrier, clock } = this;
    if (carrier.step()) clock.now += TICK_MS / 10;
    else
      clock.now = Math.min(
        Math.max(carrier.nextAt, clock.now + TICK_MS),
        this.operatesAt,
        clock.now + 50,
      );
    checkRelays(carrier);
    this.waits.check(this.clock.now);
  }

  private checkNothingLeft(): void {
    const { carrier, story } = this;
    const { hall, memory } = carrier;
    holds(carrier.ends.size === 0, "after a stop every end is closed");
    holds(carrier.attempts.size === 0, "after a stop no attempt is left");
    holds(memory.up.held + memory.down.held === 0, "after a stop no memory is held");
    holds(hall.descriptors.left === story.descriptors, "after a stop no descriptor is counted");
    holds(this.ended.length === carrier.accepted.length, "every relay has ended, once");
    for (const row of [...story.upstreams.keys(), LISTENER_ROW, TOTAL_ROW]) {
      holds(hall.table.running(row) === 0, "no row of the table has a relay any more");
    }
    const { memory: figures, mirrors } = carrier.ledger.pages.stats();
    holds(figures.mirrorHeldBytes === 0, "after a stop no copy holds anything");
    for (const { begun, completed, dropped } of mirrors) {
      const given = Object.values(dropped).reduce((sum, count) => sum + count, 0);
      holds(begun === completed + given, "every copy is complete or given up");
    }
  }

  private readonly observer = hearing({
    relayEnded: ({ relay }) => this.relayEnded(relay),
    dialFailed: ({ upstream, reason, detail }) =>
      this.tell(`dial to ${upstream}: ${reason} ${detail}`),
    poolEmpty: () => this.tell("memory has run out"),
    poolRefilled: () => this.tell("there is memory again"),
    acceptPaused: ({ cause }) => this.tell(`accepting pauses for want of ${cause}`),
    acceptResumed: () => this.tell("accepting goes on"),
  });

  private relayEnded(relay: RelaySummary): void {
    const { carrier } = this;
    this.tell(`relay ${relay.id} ends: ${relay.reason}`);
    this.ended.push(relay);
    holds(this.ended.filter(({ id }) => id === relay.id).length === 1, "a relay ends once");
    const client = carrier.accepted[relay.id - 1];
    const sight = client && this.witness.of(client);
    if (client === undefined || sight === undefined) throw new Error("a relay has a client");
    const upstream = client.partner?.isOpen ? client.partner : null;
    checkRelay({ client, upstream, isExcused: this.isCutByTime(relay), relay, life: this });
    const { story, wished } = this;
    const { now } = this.clock;
    const fullAt = (row: number) => this.fullAt.get(row) ?? -Infinity;
    checkReason({ relay, client, upstream, sight, story, now, fullAt, wished });
  }

  /** Times end relays whatever their ends do, also one that delivers what came before a reset. */
  private isCutByTime({ reason }: RelaySummary): boolean {
    const { halfCloseTimeoutMs, idleTimeoutMs, lifetimeMs } = this.story;
    const { clientIdleTimeoutMs, upstreamIdleTimeoutMs } = this.story;
    if (reason?.endsWith("idle_timeout") || reason === "lifetime") return true;
    const times = idleTimeoutMs + clientIdleTimeoutMs + upstreamIdleTimeoutMs + lifetimeMs;
    const isShort = halfCloseTimeoutMs < STALL_MS || times > 0;
    return isShort && (reason === "half_close_timeout" || (reason?.endsWith("_reset") ?? false));
  }

  /** What a client begins with. */
  private greet(client: Connection): Partial<Plan> {
    const { edge, request } = this.story;
    const isGreeted = edge !== null && edge.proxyProtocol !== "off";
    const greeting = isGreeted ? someGreeting(this.fate, 1_000 + this.greetings.size) : null;
    const bytes = greeting?.bytes ?? NOTHING;
    if (greeting !== null) this.greetings.set(client, greeting);
    const isTaken = isGreeted && greeting?.is === "header" && isBelieved(edge, this.peerOf(client));
    client.headerSize = isTaken ? bytes.length : 0;
    client.begins = bytes;
    if (request && client.headerSize === bytes.length) {
      this.asking.add(client);
      client.begins = Buffer.concat([bytes, REQUEST]);
      client.headerSize = client.begins.length;
    }
    return greeting?.isAll ? { total: bytes.length } : {};
  }

  private accepted(client: Connection): void {
    const { edge } = this.story;
    const sight = new Sight(this.clock.now);
    sight.peer = sight.name = this.peerOf(client);
    sight.greeting = this.greetings.get(client) ?? null;
    sight.asks = this.asking.has(client);
    if (edge !== null && isBelieved(edge, sight.peer))
      sight.name = sight.greeting?.client ?? sight.peer;
    this.witness.accepted(client, sight);
  }

  private headerOver(client: Connection): void {
    const sight = this.witness.of(client);
    if (sight === undefined) return;
    sight.isLate = !sight.ended.includes("client");
    headerOver(sight, client, this.story.edge);
  }

  private peerOf(client: Connection): string {
    return endName(this.addressOf(client));
  }

  /** Several clients may be of one host, and several hosts of one network. */
  private addressOf(client: Connection): Uint8Array {
    const { edge } = this.story;
    if (edge === null) return this.world.addressOf(client);
    const [, , high, low] = client.name.split(/[.:]/).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const number = high * 256 + low;
    const host = number % edge.hosts;
    const name = `10.0.${host >> 1}.${1 + (host & 1)}`;
    return encodeSockaddr({ kind: "tcp", host: name, port: 4_000 + number });
  }

  /** An upstream is told who its client is, when that is wanted, and in the version that is. */
  private checkHeader(upstream: Connection, bytes: Uint8Array): void {
    const client = upstream.partner;
    const parser = new ProxyHeaderParser();
    holds(parser.push(bytes) === bytes.length, "an upstream is told a header, and nothing more");
    const { header } = parser;
    if (header === null || client === null) throw new Error("an upstream is told a header");
    const version = header.version === 1 ? "v1" : "v2";
    holds(version === this.story.edge?.sendProxyProtocol, "a header of the version that is wanted");
    const named = header.source === null ? null : endName(header.source);
    const { name, peer } = this.witness.of(client) as Sight;
    // Of two families version 1 tells nothing.
    const isMixed = named === null && name.startsWith("[");
    holds(named === name || isMixed, `a header tells the upstream who its client is: ${peer}`);
  }

  private askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void {
    const { random } = this.fate;
    const upstream = Math.floor(random() * (question.connection.upstreams.length + 1)) - 1;
    const isRefused = random() < 0.2;
    const isStrict = upstream >= 0 && random() < 0.5;
    const told: RouteAnswer =
      random() < 0.1 ? { failure: "it throws" } : { upstream, isStrict, label: "label", isRefused };
    // Also when nobody waits any more: it may be on its way already. And some never answer.
    if (random() >= 0.9) return () => {};
    const until = this.clock.now + ROUTE_MS;
    this.later(ROUTE_ANSWER_MS, () => {
      const isInTime = this.clock.now < until;
      if (isInTime) this.routed(question, told);
      answer(told);
    });
    return () => {};
  }

  private routed({ connection }: RouteQuestion, told: RouteAnswer): void {
    if ("failure" in told) return;
    const { client, upstreams } = connection;
    const name = upstreams[told.upstream];
    const slot = this.story.upstreams.findIndex((one) => formatAddress(one) === name);
    if (told.isRefused) this.refused.add(client);
    else if (slot >= 0) this.wanted.set(client, { slot, isStrict: told.isStrict });
  }

  private later(withinMs: number, call: () => void): void {
    this.carrier.alarms.set(this.fate.random() * withinMs, call);
  }

  private tell(what: string): void {
    this.told.push(`${(this.clock.now - 1_000).toFixed(2).padStart(10)} ms  ${what}`);
  }
}

/** What a name means: its host says how many addresses it has. */
function addressesOf(host: string): Address[] {
  const tcp = (port: number): Address => ({ kind: "tcp", host: "10.9.9.9", port });
  const silent = tcp(Port.Silent);
  if (host === "none.test") return [];
  if (host === "far.test") return [...Array<Address>(6).fill(silent), tcp(Port.Answers), silent];
  if (host === "slow.test") {
    const [slow, refuses] = [tcp(Port.Slow), tcp(Port.Refuses)];
    return [slow, silent, refuses, slow, refuses];
  }
  if (host === "many.test") return [tcp(Port.Refuses), tcp(Port.Unreachable), tcp(Port.Answers)];
  return [tcp(Port.Answers)];
}

/** The most that was ever allowed; 0 for any number. */
function higher(isFirst: boolean, before: number, now: number): number {
  return isFirst ? now : before === 0 || now === 0 ? 0 : Math.max(before, now);
}
