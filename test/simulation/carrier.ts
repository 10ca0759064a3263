import type { Address } from "../../src/base/address.ts";
import type { Reason } from "../../src/base/reason.ts";
import { Alarms } from "../../src/engine/uring/alarms.ts";
import { StreamKind } from "../../src/kinds/stream/kind.ts";
import type { Backlog } from "../../src/memory/backlog.ts";
import { Hall, type HallCarrier, type HallLinks } from "../../src/relay/hall.ts";
import { Ledger } from "../../src/relay/ledger/ledger.ts";
import { Meter } from "../../src/relay/ledger/meter.ts";
import { type EngineShare, wholeShare } from "../../src/relay/share.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Connection } from "../kernel/connection.ts";
import type { Fate } from "../kernel/faults.ts";
import type { Listening, World } from "../kernel/world.ts";
import { holds } from "../model/fuzz.ts";
import { SimulatedAttempt } from "./attempt.ts";
import { SimulatedConduit, type SimulatedHall, type SimulatedListener } from "./conduit.ts";
import { SimulatedCopy } from "./copy.ts";
import type { SimulatedEnd } from "./end.ts";
import { Memory, RECEIVE_MAX } from "./memory.ts";
import { isOfStream } from "./stream.ts";
import type { Witness } from "./witness.ts";

/** Rows of the table of upstreams that a story may use. */
const ROWS = 16;

/** One table for all stories, one after the other: a new one has thousands of rows, and takes longer than a story. */
const { memory: upstreams } = new UpstreamTable(wholeShare.engines);

/** What a story's engine may have. Nothing of it tells of this process, so that a seed brings one story everywhere. */
const share: EngineShare = { ...wholeShare, usedDescriptors: 0, upstreams };

/** How a carrier behaves in a story. */
export interface Behaviour {
  /** Its ends can be asked for few bytes. */
  readonly limitsReceives: boolean;
  /** Bytes that each direction may hold. */
  readonly memory: number;
}

/**
 * A carrier whose network and clock are the test's: what really happens is that steps are taken, in each of
 * which everything may happen that can.
 */
export class SimulatedCarrier implements HallCarrier<SimulatedConduit> {
  readonly alarms = new Alarms();
  readonly meter = new Meter(RECEIVE_MAX, RECEIVE_MAX);
  readonly memory: { readonly up: Memory; readonly down: Memory };
  readonly ledger: Ledger<SimulatedConduit>;
  readonly hall: SimulatedHall;
  readonly ends = new Set<SimulatedEnd>();
  readonly attempts = new Set<SimulatedAttempt>();
  readonly copies: SimulatedCopy[] = [];
  /** Clients in the order in which they were accepted. */
  readonly accepted: Connection[] = [];
  readonly mayResume = true;
  /** Accepts; null before it was listened, and after it has ended. */
  listener: SimulatedListener | null = null;
  isStopped = false;
  /** Relays that the stop has cut. */
  cutCount = 0;
  /** The proxy may end what carries nothing. */
  drains = false;
  /** An upstream is dialled for a relay. */
  onDial: (conduit: SimulatedConduit, address: Address) => void = () => {};
  /** A relay is ended because it is idle. */
  onRetire: (conduit: SimulatedConduit, reason: Reason) => void = () => {};
  /** Nobody waits for the rest of a client's header any more. */
  onHeaderOver: (client: Connection) => void = () => {};
  /** An upstream is told who its client is. */
  onHeader: (upstream: Connection, bytes: Uint8Array) => void = () => {};
  /** Somebody has connected, and is about to be accepted. */
  onAccept: (client: Connection) => void = () => {};

  constructor(
    readonly story: Behaviour,
    readonly clock: Clock,
    readonly fate: Fate,
    readonly world: World,
    readonly witness: Witness,
    /** How the kernel writes a client's address. */
    readonly addressOf: (client: Connection) => Uint8Array,
    private readonly listening: Listening,
    links: Omit<HallLinks, "clock">,
  ) {
    this.memory = { up: new Memory(story.memory), down: new Memory(story.memory) };
    const memory = { segmentSize: RECEIVE_MAX, segmentCount: story.memory / RECEIVE_MAX };
    this.ledger = new Ledger("sockets", this.meter, share, memory);
    const all = { ...links, clock: this.alarms };
    const streams = new StreamKind<SimulatedConduit, SimulatedListener>(
      (listener) => new SimulatedConduit(this, listener),
    );
    this.hall = new Hall(this, streams, this.ledger, share, all);
    for (let slot = 0; slot < ROWS; slot++) this.hall.table.reset(slot, 1);
  }

  // --- what the hall asks for ---

  newAttempt(conduit: SimulatedConduit, address: Address): SimulatedAttempt {
    this.onDial(conduit, address);
    return new SimulatedAttempt(this, conduit, address, conduit.client?.connection ?? null);
  }

  newCopy(backlog: Backlog): SimulatedCopy {
    const copy = new SimulatedCopy(this, backlog);
    this.copies.push(copy);
    return copy;
  }

  isDry(direction: "up" | "down"): boolean {
    return this.memory[direction].isDry;
  }

  pause(): boolean {
    return true;
  }

  resume(): void {}

  get isQuiet(): boolean {
    return this.listener === null && this.attempts.size === 0;
  }

  stopped(cut: number): void {
    this.isStopped = true;
    this.cutCount = cut;
  }

  // --- what fate says ---

  /** Something takes its time. */
  get isSlow(): boolean {
    return this.fate.strikes("slow");
  }

  /** Something is over at once. */
  get isPrompt(): boolean {
    return this.fate.random() < 0.5;
  }

  /** A receive goes on by itself. */
  get goesOn(): boolean {
    return this.fate.random() < 0.8;
  }

  /** A whole, or a part of it. */
  part(size: number): number {
    return this.fate.strikes("short") ? this.fate.between(1, size) : size;
  }

  // --- the network ---

  open(end: SimulatedEnd): SimulatedEnd {
    this.ends.add(end);
    return end;
  }

  /** The client of a relay. */
  clientOf(relay: number): Connection | null {
    return this.accepted[relay - 1] ?? null;
  }

  /** Bytes that are sent are what the other end has written, in order, each once. */
  carry(target: Connection, bytes: Uint8Array): void {
    const source = target.copyOf === null ? target.partner : target.copyOf;
    if (source === null) throw new Error("simulation: nobody has written that");
    const at = source.headerSize + target.sent - toldOf(target).length;
    if (at < source.headerSize) {
      this.carryTold(target, bytes);
      return;
    }
    holds(at + bytes.length <= source.received, "no byte is sent that was not received");
    holds(isOfStream(source, at, bytes), "bytes arrive in order, each once");
    target.take(bytes.length);
  }

  /** A mirror gets what its upstream was told, before anything else and apart from it. */
  private carryTold(mirror: Connection, bytes: Uint8Array): void {
    const told = toldOf(mirror);
    const size = Math.min(bytes.length, told.length - mirror.sent);
    const expected = told.subarray(mirror.sent, mirror.sent + size);
    holds(Buffer.compare(bytes.subarray(0, size), expected) === 0, "a mirror is told what is told");
    mirror.take(size);
    if (size < bytes.length) this.carry(mirror, bytes.subarray(size));
  }

  /** FIN to an end must be the truth. */
  checkEnd(target: Connection): void {
    const { mode } = this.world;
    const source = mode === "sink" ? target : target.partner;
    holds(source !== null, "a relay without an upstream does not end by FIN");
    if (source === null) return;
    holds(source.hasEnded, "a target is told the end when its source has ended, not by a reset");
    holds(source.readable === 0, "a target is told the end when its source was read to its end");
    if (mode === "sink" || (mode === "oneway" && target.isClient)) return;
    const all = source.written - source.headerSize;
    holds(target.sent === all, "a target is told the end after the last byte");
  }

  /** FIN to a mirror: the upstream got one. */
  checkEndOfCopy(mirror: Connection): void {
    const client = mirror.copyOf as Connection;
    const { partner: upstream } = client;
    const isOver = client.hasEnded && client.readable === 0;
    // One that was idle is ended by the proxy.
    const isRetired = upstream?.isClosed === true && !upstream.lingers;
    holds(isOver || isRetired, "a mirror is told the end when the upstream is");
    const isWhole = mirror.sent === (upstream?.sent ?? 0) + toldOf(mirror).length;
    holds(isWhole, "a mirror is told the end after the last byte");
  }

  close(end: SimulatedEnd, isClean: boolean): void {
    this.ends.delete(end);
    const { connection, owner } = end;
    const { reason } = owner.relay;
    // Otherwise it is the proxy that has wanted the end, of a relay that was idle.
    const isOrderly = reason === "client_fin" || reason === "upstream_fin";
    if (isOrderly && isClean && !connection.isBroken && !connection.finSent) {
      this.checkEnd(connection);
    }
    this.closeConnection(connection, isClean);
  }

  closeConnection(connection: Connection, isClean: boolean): void {
    connection.isClosed = true;
    connection.lingers = !isClean;
    // A kernel resets who sends what nobody has read.
    connection.wasReset = !(isClean && connection.readable === 0) && !connection.isBroken;
    this.hall.descriptors.closed(1);
  }

  /** Accepts who has connected already, and then nobody. */
  unlisten(): void {
    while (this.listener !== null && this.listening.waiting.length > 0) this.accept(this.listener);
    this.listener = null;
    this.hall.settleStop();
  }

  /** Everything happens that can happen now. @returns whether anything did */
  step(): boolean {
    let moved = this.world.act();
    const { hall, listener, listening, memory } = this;
    if (listener !== null && hall.isAccepting && listening.waiting.length > 0 && !this.isSlow) {
      holds(!memory.up.isDry && !memory.down.isDry, "nobody is accepted while there is no memory");
      this.accept(listener);
      moved = true;
    }
    for (const attempt of [...this.attempts]) if (attempt.step()) moved = true;
    for (const end of [...this.ends]) if (end.step()) moved = true;
    for (const copy of this.copies) if (copy.step()) moved = true;
    if (memory.up.takesMore() && this.feed("up")) moved = true;
    if (memory.down.takesMore() && this.feed("down")) moved = true;
    hall.lookAtMemory();
    this.alarms.run();
    return moved;
  }

  /** Feeds whoever has found no memory, as long as there is some. */
  private feed(direction: "up" | "down"): boolean {
    let isFed = false;
    for (const conduit of this.ledger.running) {
      if (this.memory[direction].isDry) return true;
      if (!conduit[direction].flow.starved) continue;
      conduit[direction].feed();
      isFed = true;
    }
    return isFed;
  }

  /** When something happens by itself, if that is later than now. */
  get nextAt(): number {
    let next = this.world.nextAt;
    for (const attempt of this.attempts) next = Math.min(next, attempt.nextAt);
    return Math.min(next, this.clock.now + this.alarms.nextMicros / 1e3);
  }

  private accept(listener: SimulatedListener): void {
    const connection = this.listening.waiting.shift() as Connection;
    this.accepted.push(connection);
    connection.isNameless = connection.isBroken;
    this.onAccept(connection);
    this.hall.accept(listener, connection);
    this.hall.outsiders.makeRoom();
    this.hall.decide();
    const { descriptors, isAccepting, isStopping } = this.hall;
    const isRoomy = !descriptors.tight || !isAccepting || isStopping;
    holds(isRoomy, "nobody else is accepted for whom there are no descriptors");
  }
}

/** What a mirror is to be told first: the same as its upstream. */
function toldOf({ copyOf }: Connection): Uint8Array {
  return copyOf?.partner?.told ?? NOTHING;
}

const NOTHING = new Uint8Array(0);
