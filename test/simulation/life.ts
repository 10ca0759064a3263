import type { Address } from "../../src/base/address.ts";
import { listenerDefaults } from "../../src/config/defaults.ts";
import type {
  EdgeOptions,
  ListenerOptions,
  MirrorOptions,
  Mode,
} from "../../src/config/options.ts";
import { ProxyHeaderPlan } from "../../src/entry/proxy-header.ts";
import type { RouteAnswer } from "../../src/entry/route/answer.ts";
import type { StepPlan } from "../../src/entry/step.ts";
import { Phase } from "../../src/flow/flow.ts";
import { RelayPhase } from "../../src/flow/relay.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import { hearing } from "../../src/relay/observer.ts";
import type { RouteQuestion } from "../../src/relay/route-questions.ts";
import { rowed } from "../contract/scene.ts";
import { seeded } from "../fixtures/random.ts";
import { PeekPlan, REQUEST, RequestPlan } from "../fixtures/test-steps.ts";
import { headerV2, ipv4Addresses } from "../hostile/headers.ts";
import { Clock } from "../kernel/clock.ts";
import type { Ending } from "../kernel/end.ts";
import { Fate, type Faults } from "../kernel/faults.ts";
import { checkRelay } from "../kernel/judge.ts";
import { type Listening, Port, World } from "../kernel/world.ts";
import { holds } from "../model/fuzz.ts";
import { SimulatedCarrier } from "./carrier.ts";
import { FLOW_LIMIT, type SimulatedConduit, SimulatedListener } from "./conduit.ts";
import type { SimulatedLane } from "./end.ts";

/** Milliseconds of the virtual clock, and steps, after which everything must have come to its end. */
const CALM_MS = 120_000;
const CALM_STEPS = 50_000;
const STORM_STEPS = 10_000;
/** Milliseconds that a route function has, and that it may take. */
const ROUTE_MS = 20;
const ROUTE_ANSWER_MS = 30;
/** Milliseconds that looking a name up takes at most. */
const LOOKUP_MS = 40;
/** Milliseconds between two things that an operator does, on average. */
const OPERATOR_MS = 60;
/** Milliseconds that a client has for each step. */
const STEP_MS = 40;
/** Milliseconds that an end has to take what came before a reset. */
const STALL_MS = 2_000;
/** A step in which nothing is due takes so long. */
const TICK_MS = 0.05;

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
  readonly limitsReceives: boolean;
  readonly memory: number;
  readonly descriptors: number;
  readonly connectTimeoutMs: number;
  readonly halfCloseTimeoutMs: number;
  /** 0 for never. */
  readonly idleTimeoutMs: number;
  readonly lifetimeMs: number;
  readonly holdMs: number;
  readonly maxRelays: number;
  readonly queueMs: number;
  readonly tries: number;
  readonly upRate: number;
  readonly downRate: number;
  readonly routes: boolean;
  /** Clients begin with a PROXY header. */
  readonly header: boolean;
  /** They ask for encryption, which there is not. */
  readonly request: boolean;
  /** Bytes of the flow that a step reads and leaves; 0 for no such step. */
  readonly peek: number;
  readonly mirror: MirrorOptions | null;
  /** Somebody reloads, closes and opens upstreams, and drops their relays meanwhile. */
  readonly operator: boolean;
}

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
  /** What has happened, for whoever has to understand a story that fails. */
  readonly told: string[] = [];
  private readonly plans: readonly StepPlan[];
  private operatesAt = Infinity;

  constructor(readonly story: Story) {
    const { clock } = this;
    this.fate = new Fate(story.faults, seeded(story.seed));
    this.plans = [
      ...(story.header ? [new ProxyHeaderPlan(headerEdge, null)] : []),
      ...(story.request ? [new RequestPlan(STEP_MS, true)] : []),
      ...(story.peek > 0 ? [new PeekPlan(STEP_MS, story.peek)] : []),
    ];
    const opening = Buffer.concat([
      story.header ? headerV2(0x21, 0x11, ipv4Addresses(10, 0, 0, 1)) : NOTHING,
      story.request ? REQUEST : NOTHING,
    ]);
    const behaviour = { ...story, opening };
    this.world = new World(clock, this.fate, { ...story, spanMs: story.stormMs }, story.mode);
    this.carrier = clock.during(
      () =>
        new SimulatedCarrier(behaviour, clock, this.fate, this.world, this.listening, {
          observer: this.observer,
          resolve: (address, _slot, answer) => {
            const host = address.kind === "tcp" ? address.host : address.path;
            this.later(LOOKUP_MS, () => answer(addressesOf(host)));
          },
          askRoute: (question, answer) => this.askRoute(question, answer),
        }),
    );
    const { hall } = this.carrier;
    Object.assign(hall.descriptors, { most: story.descriptors, allot: () => {} });
  }

  /** The whole story. Throws where a rule is broken. */
  run(): void {
    this.clock.during(() => {
      this.begin();
      this.storm();
      if (!this.story.stopsEarly) this.calm();
      this.stop();
    });
  }

  private begin(): void {
    const { carrier, story, world } = this;
    world.expect(story.clients, this.listening);
    this.listen(null);
    for (const slot of story.upstreams.keys()) carrier.hall.table.setOpen(slot, true);
    if (story.operator) this.operatesAt = this.clock.now;
  }

  private listen(before: SimulatedListener | null): void {
    const { carrier } = this;
    const { hall } = carrier;
    const options = this.listenerOptions();
    const listener = new SimulatedListener(
      { ...hall.partsOf(options, options.address, before), steps: this.plans },
      hall.dialer,
    );
    carrier.listener = listener;
    if (before === null) return;
    listener.waiting.serve();
    listener.entry.serve();
  }

  /** Everything that may go wrong does. */
  private storm(): void {
    const until = this.clock.now + this.story.stormMs;
    for (let step = 0; step < STORM_STEPS && this.clock.now < until; step++) {
      if (this.clock.now >= this.operatesAt) this.operate();
      this.step();
    }
  }

  /** Somebody changes something. */
  private operate(): void {
    const { carrier, fate, story } = this;
    const { hall, listener } = carrier;
    this.operatesAt = this.clock.now + fate.random() * 2 * OPERATOR_MS;
    const slot = fate.between(0, Math.max(0, story.upstreams.length - 1));
    switch (fate.between(0, 3)) {
      case 0:
        this.tell("reload");
        if (listener !== null) this.listen(listener);
        return;
      case 1:
        this.tell(`upstream ${slot} is down`);
        hall.table.setOpen(slot, false);
        return;
      case 2:
        this.tell(`upstream ${slot} is up`);
        hall.table.setOpen(slot, true);
        return;
      case 3:
        this.tell(`the relays of upstream ${slot} are ended`);
        // From now on relays may end by the proxy's own wish.
        this.drain();
        hall.drop({ slot }, fate.pick([0, 20]));
        return;
    }
  }

  /** Nothing goes wrong any more: all relays come to their ends. */
  private calm(): void {
    const { carrier, story } = this;
    this.operatesAt = Infinity;
    this.fate.cease();
    this.world.calm();
    for (const slot of story.upstreams.keys()) carrier.hall.table.setOpen(slot, true);
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
    this.tell(`stop within ${story.drainMs} ms`);
    const until = this.clock.now + story.drainMs;
    hall.isStopping = true;
    carrier.unlisten();
    hall.stop(story.drainMs);
    // Faults may go on while relays drain, but not for ever.
    while (this.clock.now < until && !carrier.isStopped) this.step();
    this.fate.cease();
    this.until("a stop comes to its end", () => carrier.isStopped);
    this.checkNothingLeft();
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
    this.check();
  }

  private check(): void {
    const { carrier } = this;
    let up = 0;
    let down = 0;
    for (const conduit of carrier.ledger.running) {
      up += conduit.up.queue.size;
      down += conduit.down.queue.size;
      checkDial(conduit);
      for (const lane of [conduit.up, conduit.down]) checkLane(conduit, lane);
    }
    holds(carrier.memory.up.held === up, "what is held upwards is queued");
    holds(carrier.memory.down.held === down, "what is held downwards is queued");
  }

  private checkNothingLeft(): void {
    const { carrier, story } = this;
    const { hall, memory } = carrier;
    holds(carrier.ends.size === 0, "after a stop every end is closed");
    holds(carrier.attempts.size === 0, "after a stop no attempt is left");
    holds(memory.up.held + memory.down.held === 0, "after a stop no memory is held");
    holds(hall.descriptors.left === story.descriptors, "after a stop no descriptor is counted");
    holds(this.ended.length === carrier.accepted.length, "every relay has ended, once");
    for (const slot of story.upstreams.keys()) {
      holds(hall.table.running(slot) === 0, "no upstream has a relay any more");
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
    if (client === undefined) throw new Error("a relay has a client");
    const upstream = client.partner?.isOpen ? client.partner : null;
    checkRelay({ client, upstream, isExcused: this.isCutByTime(relay), relay, life: this });
  }

  /** Times end relays whatever their ends do, also one that delivers what came before a reset. */
  private isCutByTime({ reason }: RelaySummary): boolean {
    const { halfCloseTimeoutMs, idleTimeoutMs, lifetimeMs } = this.story;
    if (reason === "idle_timeout" || reason === "lifetime") return true;
    const isShort = halfCloseTimeoutMs < STALL_MS || idleTimeoutMs + lifetimeMs > 0;
    return isShort && (reason === "half_close_timeout" || (reason?.endsWith("_reset") ?? false));
  }

  private askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void {
    const { random } = this.fate;
    const upstream = Math.floor(random() * (question.connection.upstreams.length + 1)) - 1;
    const isRefused = random() < 0.2;
    const isStrict = upstream >= 0 && random() < 0.5;
    const told: RouteAnswer =
      random() < 0.1 ? { failure: "it throws" } : { upstream, isStrict, label: "label", isRefused };
    // Also when nobody waits any more: it may be on its way already. And some never answer.
    if (random() < 0.9) this.later(ROUTE_ANSWER_MS, () => answer(told));
    return () => {};
  }

  private later(withinMs: number, call: () => void): void {
    this.carrier.alarms.set(this.fate.random() * withinMs, call);
  }

  private tell(what: string): void {
    this.told.push(`${(this.clock.now - 1_000).toFixed(2).padStart(10)} ms  ${what}`);
  }

  private listenerOptions(): ListenerOptions {
    const { story } = this;
    const { connectTimeoutMs, halfCloseTimeoutMs, holdMs, idleTimeoutMs, lifetimeMs } = story;
    const { maxRelays, mirror, mode, queueMs, routes, tries, upRate, downRate } = story;
    const upstreams = story.upstreams.map((one, slot) => ({ ...rowed(one, slot), maxRelays }));
    return {
      ...listenerDefaults,
      address: { kind: "tcp", host: "127.0.0.1", port: 6380 },
      mode,
      upstreams: mode === "sink" ? [] : upstreams,
      dial: { ...listenerDefaults.dial, holdMs, queueMs, tries },
      edge: { ...listenerDefaults.edge, upRate, downRate },
      connectTimeoutMs,
      halfCloseTimeoutMs,
      idleTimeoutMs,
      lifetimeMs,
      mirror,
      route: routes ? { hook: 0, timeoutMs: ROUTE_MS, failure: "relay" } : null,
    };
  }
}

const NOTHING = new Uint8Array(0);
const headerEdge: EdgeOptions = {
  ...listenerDefaults.edge,
  proxyProtocol: "required",
  preambleTimeoutMs: STEP_MS,
};

function checkDial({ attempts, relay, untried }: SimulatedConduit): void {
  holds(attempts.length <= 4, "a dial has a few attempts at a time");
  holds(relay.dialing || attempts.length === 0, "only a dial under way has attempts");
  holds(untried.length === 0 || attempts.length > 0, "only a dial under way has addresses to try");
}

function checkLane({ relay }: SimulatedConduit, lane: SimulatedLane): void {
  const { flow, queue, source, target } = lane;
  holds(flow.size <= FLOW_LIMIT, "a flow holds at most its limit");
  const isCounted = flow.phase === Phase.Open || flow.phase === Phase.Draining;
  const isRead = lane.steps !== null;
  holds(!isCounted || isRead || queue.size === flow.size, "the queue holds what the flow counts");
  if (relay.phase !== RelayPhase.Relaying || flow.over) return;
  const isServed = source === null || source.isReceivePending || lane.isResting;
  holds(!flow.receiving || isServed, "a receive that the flow waits for is under way");
  const isSent = target === null || target.isSendPending || lane.isResting || flow.size === 0;
  holds(!flow.sending || lane.discards || isSent, "a send that the flow waits for is under way");
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
