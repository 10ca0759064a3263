import { expect, test } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import type { ListenerOptions, Mode } from "../../src/config/options.ts";
import type { RouteAnswer } from "../../src/entry/route/answer.ts";
import type { EngineStats, RelaySummary } from "../../src/relay/ledger/stats.ts";
import type { MirrorStats } from "../../src/relay/mirror/account.ts";
import type { RouteQuestion } from "../../src/relay/route-questions.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { ResolveName } from "../../src/upstream/names/ask.ts";
import { audit } from "../fixtures/audit.ts";
import { listener, rowed } from "../fixtures/options.ts";
import { seeded } from "../fixtures/random.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { Clock } from "../kernel/clock.ts";
import type { Connection } from "../kernel/connection.ts";
import { Fate, noFaults } from "../kernel/faults.ts";
import type { Listening } from "../kernel/world.ts";
import { holds } from "../model/fuzz.ts";
import { SimulatedCarrier } from "./carrier.ts";
import { SimulatedListener } from "./conduit.ts";
import { RECEIVE_MAX } from "./memory.ts";
import { checkRelays } from "./rules.ts";
import {
  type Behaviour,
  echo,
  type Manner,
  type Peer,
  ScriptedUpstream,
  ScriptedWorld,
} from "./scripted-world.ts";
import { Sight, Witness } from "./witness.ts";

/** Longer than anything takes that comes to its end; no test sits it out. */
export const NEVER_MS = 600_000;
/** Milliseconds that a timer may be late, as no step of the clock is longer. */
export const LATE_MS = 110;

const SEED = 1;
const SEGMENTS = 4_096;
const DESCRIPTORS = 100_000;
/** A step in which nothing is due, and the longest one. */
const TICK_MS = 0.05;
const STEP_MS = 50;
const STEPS_MAX = 500_000;
const NOTHING = new Uint8Array(0);

/** A stop under way. */
export interface Stop {
  readonly isOver: boolean;
  /** Waits for its end. @returns how long it has taken, and how many relays it has cut */
  through(): { readonly afterMs: number; readonly cut: number };
}

/** What is special about a scene. */
export interface SceneOptions {
  readonly mode?: Mode;
  /** Bytes that each direction may hold. */
  readonly memory?: number;
  readonly descriptors?: number;
}

/** A case of policy: what the relay layer decides, whatever carries its relays. It takes no time of the test's. */
export function policy(name: string, play: (scene: Scene) => void, options?: SceneOptions): void {
  test(name, () => new Scene(options).play(play));
}

/**
 * The real relay layer with one listener, over a network without faults, whose clients and upstreams do what a case
 * says, in virtual time. Every rule of the simulation is checked after each step; in the end it is stopped, audited
 * as an engine is at the end of a case of the contract, and nothing may be left.
 */
export class Scene {
  readonly record = new Recorder();
  readonly clients: Peer[] = [];
  /** Answers for the listener's route function; null for no answer. */
  route: (question: RouteQuestion) => RouteAnswer | null = () => null;
  /** Gives late what {@link route} has not. */
  readonly questions: { question: RouteQuestion; answer: (answer: RouteAnswer) => void }[] = [];
  readonly carrier: SimulatedCarrier;
  private readonly clock = new Clock();
  private readonly world: ScriptedWorld;
  private readonly listening: Listening = { name: "listener", waiting: [] };
  private readonly names = new Map<string, readonly Address[]>();
  private readonly heldNames: (() => void)[] = [];
  private isHoldingNames = false;
  private readonly hosts = new Map<Connection, string>();
  private readonly memory: number;
  private readonly descriptors: number;

  constructor({ mode = "bidirectional", memory, descriptors = DESCRIPTORS }: SceneOptions = {}) {
    const { clock } = this;
    this.memory = memory ?? SEGMENTS * RECEIVE_MAX;
    this.descriptors = descriptors;
    const fate = new Fate(noFaults(), seeded(SEED));
    this.world = new ScriptedWorld(clock, fate, mode);
    const story = { limitsReceives: true, memory: this.memory };
    const witness = new Witness(
      () => clock.now,
      () => {},
    );
    const links = {
      observer: this.record,
      resolve: this.resolve,
      askRoute: this.askRoute.bind(this),
    };
    const addressOf = (client: Connection) => this.addressOf(client);
    this.carrier = clock.during(
      () =>
        new SimulatedCarrier(
          ...([story, clock, fate, this.world, witness, addressOf, this.listening, links] as const),
        ),
    );
    const { hall } = this.carrier;
    Object.assign(hall.descriptors, { most: descriptors, allot: () => {} });
    this.carrier.onAccept = (client) => witness.accepted(client, new Sight(clock.now));
  }

  /** Plays a case to its end. */
  play(act: (scene: Scene) => void): void {
    const { random } = Math;
    Math.random = seeded(SEED);
    try {
      this.clock.during(() => {
        act(this);
        this.close();
      });
    } finally {
      Math.random = random;
    }
  }

  // --- who is there ---

  /** An upstream, which answers and echoes unless it is said. */
  upstream(behaviour: Behaviour = echo, manner: Manner = "answers"): ScriptedUpstream {
    return this.world.upstream(manner, behaviour);
  }

  refusing(): ScriptedUpstream {
    return this.upstream(echo, "refuses");
  }

  silent(): ScriptedUpstream {
    return this.upstream(echo, "silent");
  }

  /** A host name that stands for these, to be dialled in this order. */
  name(host: string, upstreams: readonly ScriptedUpstream[]): Address {
    this.names.set(
      host,
      upstreams.map(({ address }) => address),
    );
    return { kind: "tcp", host, port: 9 };
  }

  /** Whoever asks for a name waits until {@link answerNames}. */
  holdNames(): void {
    this.isHoldingNames = true;
  }

  answerNames(): void {
    this.isHoldingNames = false;
    for (const tell of this.heldNames.splice(0)) tell();
  }

  get namesAsked(): number {
    return this.heldNames.length;
  }

  /**
   * A client, which has connected and is accepted when it is its turn.
   *
   * @param begins what it writes first, which is no flow's
   * @param host where it comes from; a host of its own unless it is said
   */
  client({ begins = NOTHING, host }: { begins?: Uint8Array; host?: string } = {}): Peer {
    const client = this.world.client(this.listening, begins, begins.length);
    if (host !== undefined) this.hosts.set(client.connection, host);
    this.clients.push(client);
    return client;
  }

  /** A client that has got an echo of one byte. */
  served(host?: string): Peer {
    const client = this.client(host === undefined ? {} : { host }).send(1);
    this.until("the echo is here", () => client.receivedBytes === 1);
    return client;
  }

  /** A client and the upstream's end of its relay. */
  pair(upstream: ScriptedUpstream): { client: Peer; end: Peer } {
    const index = upstream.ends.length;
    const client = this.client();
    this.until("the relay reaches the upstream", () => upstream.ends.length > index);
    return { client, end: upstream.end(index) };
  }

  // --- the proxy ---

  /**
   * Listens in front of these upstreams.
   *
   * @returns changes the options, as a reload does
   */
  listen(
    upstreams: readonly (ScriptedUpstream | Address)[],
    options: Partial<ListenerOptions> = {},
  ): { options: ListenerOptions; update(changed: Partial<ListenerOptions>): void } {
    const addresses = upstreams.map((one) => (one instanceof ScriptedUpstream ? one.address : one));
    const { mode } = this.world;
    const all = listener({ upstreams: addresses.map(rowed), mode, name: "front", ...options });
    const { table } = this.carrier.hall;
    for (const slot of all.upstreams.keys()) table.setOpen(slot, true);
    this.begin(all, null);
    return {
      options: all,
      update: (changed) => {
        for (const { slot } of changed.upstreams ?? []) table.setOpen(slot, true);
        this.begin({ ...all, ...changed }, this.carrier.listener);
      },
    };
  }

  private begin(options: ListenerOptions, before: SimulatedListener | null): void {
    const { carrier } = this;
    const { hall } = carrier;
    const next = new SimulatedListener(hall.partsOf(options, options.address, before), hall.dialer);
    carrier.listener = next;
    if (before === null) return;
    next.serve();
  }

  /** Gives the upstreams of the first rows these weights. */
  weigh(weights: readonly number[]): void {
    for (const [slot, weight] of weights.entries()) {
      this.carrier.hall.table.setWeight(slot, weight);
    }
  }

  stats(): EngineStats {
    return this.carrier.ledger.pages.stats();
  }

  /** What is counted of the only mirror that there is. */
  get mirror(): MirrorStats {
    const [one, ...others] = this.stats().mirrors;
    if (one === undefined || others.length > 0) throw new Error("there is one mirror");
    return one;
  }

  relays(): RelaySummary[] {
    return this.carrier.ledger.relays();
  }

  /** Clients that wait for room, or for an upstream. */
  get waiting(): number | undefined {
    return this.stats().listeners[0]?.waiting;
  }

  /** Begins a stop. @returns what becomes of it, in milliseconds from now */
  stop(drainMs: number): Stop {
    const { carrier } = this;
    carrier.drains = true;
    carrier.hall.isStopping = true;
    carrier.unlisten();
    carrier.hall.stop(drainMs);
    const from = this.now;
    return {
      get isOver() {
        return carrier.isStopped;
      },
      through: () => {
        this.until("the stop is through", () => carrier.isStopped);
        return { afterMs: this.now - from, cut: carrier.cutCount };
      },
    };
  }

  // --- time ---

  /** Milliseconds of the virtual clock. */
  get now(): number {
    return this.clock.now;
  }

  /** Steps until that is so. @throws when it takes longer than anything may */
  until(what: string, isSo: () => boolean): void {
    const from = this.now;
    for (let steps = 0; !isSo(); steps++) {
      const reasons = () => this.record.reasons.join(" ") || "none";
      const isInTime = steps < STEPS_MAX && this.now - from < NEVER_MS / 2;
      if (!isInTime) throw new Error(`not within ${this.now - from} ms: ${what} (${reasons()})`);
      this.step(Infinity);
    }
  }

  /** Lets so much time pass. */
  wait(ms: number): void {
    const until = this.now + ms;
    while (this.now < until) this.step(until);
  }

  /** Lets everything happen that happens at once. */
  settle(): void {
    this.wait(1);
  }

  /** Waits until so many relays have ended. @returns the last of these */
  ended(count: number): RelaySummary {
    this.until(`${count} relays have ended`, () => this.record.ended.length >= count);
    return this.record.ended[count - 1] as RelaySummary;
  }

  private step(until: number): void {
    const { carrier, clock } = this;
    if (carrier.step()) clock.now += TICK_MS / 10;
    else {
      const next = Math.max(carrier.nextAt, clock.now + TICK_MS);
      clock.now = Math.min(next, Math.max(until, clock.now + TICK_MS / 10), clock.now + STEP_MS);
    }
    checkRelays(carrier);
  }

  private close(): void {
    const { carrier } = this;
    const { hall, memory } = carrier;
    for (const client of this.clients) if (!client.isLetGo) client.reset();
    for (const { connection } of this.world.peers) {
      if (!connection.isClient && connection.copyOf !== null) continue;
      if (!connection.isClosed) connection.break(1);
    }
    this.until("every relay is over", () => hall.ledger.running.size === 0);
    this.stop(0).through();
    expect(this.relays()).toEqual([]);
    audit(this.stats(), this.record, SEGMENTS);
    holds(carrier.ends.size === 0, "after a stop every end is closed");
    holds(carrier.attempts.size === 0, "after a stop no attempt is left");
    holds(memory.up.held + memory.down.held === 0, "after a stop no memory is held");
    holds(hall.descriptors.left === this.descriptors, "after a stop no descriptor is counted");
  }

  private readonly resolve: ResolveName = (address, _slot, answer) => {
    const host = address.kind === "tcp" ? address.host : address.path;
    const tell = () => answer(this.names.get(host) ?? []);
    if (this.isHoldingNames) this.heldNames.push(tell);
    else tell();
  };

  private askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void {
    const told = this.route(question);
    let isWanted = true;
    const later = (told: RouteAnswer) => {
      if (isWanted) answer(told);
    };
    // Never within the call.
    if (told !== null) this.carrier.alarms.set(0, () => later(told));
    else this.questions.push({ question, answer: later });
    return () => {
      isWanted = false;
    };
  }

  private addressOf(client: Connection): Uint8Array {
    const host = this.hosts.get(client);
    if (host === undefined) return this.world.addressOf(client);
    return encodeSockaddr({ kind: "tcp", host, port: 4_000 + this.clients.length });
  }
}
