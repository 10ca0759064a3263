import { BufferRingFlag, CqeWord, Opcode, SQE_SIZE } from "../../src/engine/uring/abi.ts";
import type { Kernel, Sockets } from "../../src/engine/uring/kernel.ts";
import { Operation, operationOf, slotOf } from "../../src/engine/uring/ticket.ts";
import { Errno } from "../../src/system/linux.ts";
import { holds } from "../model/fuzz.ts";
import { BufferRing } from "./buffer-ring.ts";
import type { Clock } from "./clock.ts";
import { Completions } from "./completions.ts";
import type { Connection } from "./connection.ts";
import { DescriptorTable, type File } from "./descriptor-table.ts";
import type { Fate } from "./faults.ts";
import {
  InFlight,
  isMultishotAccept,
  isMultishotReceive,
  isReceive,
  ticketKey,
} from "./operation.ts";
import { Performer } from "./performer.ts";
import { readSubmission, type Submission } from "./submission.ts";
import {
  type AttemptTenant,
  isOfAttempt,
  isOfCopy,
  isOfEnd,
  type RelayTenant,
  type Tenancy,
  tenancyName,
} from "./tenancy.ts";
import type { Listening, World } from "./world.ts";

const WORDS = SQE_SIZE / 4;
/** Milliseconds that one call of enter(2) takes at least. */
const ENTER_MS = 0.002;
/** The longest that others run when they are let. */
const YIELD_MS_MAX = 4;
/** Milliseconds that a slow operation takes longer. */
const SLOW_MS = 5;
/** So often enter(2) may bring nothing without time passing: more is a loop that spins. */
const IDLE_MAX = 50;
const SPIN_MS = 1;

/** So often a receive may find no buffer when none was provided meanwhile. */
const DENIALS_MAX = 20;
/** Groups from this number on are sent from. */
const SEND_GROUPS_FROM = 16;
/** Operations that are not about a file that is open when they are submitted, and stays so. */
const fileless: ReadonlySet<Opcode> = new Set([
  Opcode.AsyncCancel,
  Opcode.Close,
  Opcode.FilesUpdate,
  Opcode.Socket,
]);

/** How the fake is made. */
export interface FakeOptions {
  /** Submission and completion entries, powers of two. */
  readonly entries: number;
  readonly completions: number;
  /** The number of the first descriptor. */
  readonly firstDescriptor: number;
  /** Completions of different operations keep their order, as buffers that are shared need it. */
  readonly keepOrder: boolean;
}

/**
 * An io_uring and the sockets behind it that fail in every way that the real ones may, and that
 * check what they are asked for. Everything is drawn from one seed.
 *
 *     sqes ─ enter: read ─► in flight ─ Performer: as far as ends and buffers allow ─► completions
 *
 * Time passes only in {@link enter}, when nothing can happen without it.
 */
export class FakeKernel implements Kernel, Sockets {
  readonly sqes: Uint32Array;
  readonly cqes: Uint32Array;
  readonly cqeResults: Int32Array;
  readonly descriptors: DescriptorTable;
  readonly completions: Completions;
  readonly buffers = new Map<number, BufferRing>();
  /** What was submitted and is not over, or not told yet. */
  readonly inFlight = new Set<InFlight>();
  readonly tenancies = new Map<string, Tenancy>();
  /** Connections that ringway has been given by accepts, in their order. */
  readonly handedOver: Connection[] = [];
  /** The loop was told to stop, and relays may still finish. */
  drains = false;
  /** Copies may have to go for want of descriptors. */
  hasFewDescriptors = false;
  /** Says whose bytes are copied by the copy in a slot. */
  ownerOf: (attempt: number) => AttemptTenant = () => ({ tenancy: "", copyOf: null });
  /** Which relay has the end in a slot, and its other end's receive. */
  relayOf: (end: number, generation: number) => RelayTenant = () => ({ tenancy: "", partner: -1 });
  /** Sends that were over silently in this turn. */
  readonly silent: InFlight[] = [];
  /** Listening descriptors on which accept(2) does not wait. */
  private readonly neverWait = new Set<number>();
  private readonly performer: Performer;
  private readonly event: File & { kind: "event" } = { kind: "event", count: 0 };
  readonly eventDescriptor: number;
  private sqHead = 0;
  private sqTail = 0;
  private readonly timers: { at: number; call: () => void }[] = [];
  private idleEnters = 0;
  private idleSince = 0;
  private shownBefore = 0;
  /** The table of fixed files. */
  private readonly files: (File | null)[] = [];
  /** Per ticket and group: how often in a row there was no buffer, since so many were provided. */
  private readonly denials = new Map<string, { provided: number; count: number }>();
  private isClosed = false;

  constructor(
    private readonly options: FakeOptions,
    private readonly clock: Clock,
    readonly fate: Fate,
    readonly world: World,
  ) {
    this.descriptors = new DescriptorTable(options.firstDescriptor);
    this.eventDescriptor = this.descriptors.open(this.event);
    this.sqes = new Uint32Array(options.entries * WORDS);
    this.completions = new Completions(options.completions, options.keepOrder, clock, fate);
    this.cqes = this.completions.words;
    this.cqeResults = this.completions.results;
    this.performer = new Performer(this, clock);
  }

  get nextEntry(): number {
    return this.sqTail;
  }

  get unsubmitted(): number {
    return this.sqTail - this.sqHead;
  }

  get overflows(): number {
    return this.completions.overflows;
  }

  get submissions(): number {
    return this.sqHead;
  }

  get hasCompletions(): boolean {
    return this.completions.ready > 0;
  }

  /** Anything: the loop is to learn from it, not to rely on it. */
  get hasNews(): boolean {
    return this.hasCompletions || this.fate.random() < 0.5;
  }

  get isOverflown(): boolean {
    return this.completions.isOverflown;
  }

  entry(): number {
    holds(!this.isClosed, "nothing is prepared for a queue that is closed");
    if (this.unsubmitted === this.options.entries) this.submit(this.unsubmitted);
    const at = (this.sqTail++ % this.options.entries) * WORDS;
    this.sqes.fill(0, at, at + WORDS);
    return at;
  }

  enter(wait: number, minWaitMicros: number, timeoutMicros: number): number {
    holds(timeoutMicros >= 0, "a wait does not end before it begins");
    const { fate, clock } = this;
    this.checkSpin();
    clock.now += ENTER_MS;
    if (fate.strikes("busy")) {
      this.run();
      return -Errno.EBUSY;
    }
    const part = fate.strikes("submitShort") ? fate.between(0, this.unsubmitted) : Infinity;
    if (part < this.unsubmitted) {
      this.submit(part);
      this.run();
      return part === 0 ? -Errno.EAGAIN : 0;
    }
    this.submit(this.unsubmitted);
    if (fate.strikes("interrupted")) return -Errno.EINTR;
    const fewAt = clock.now + (minWaitMicros > 0 ? minWaitMicros / 1e3 : Infinity);
    return this.waitFor(wait, fewAt, clock.now + timeoutMicros / 1e3);
  }

  yield(): void {
    this.clock.now += this.fate.random() * YIELD_MS_MAX;
  }

  completion(): number {
    const taken = this.completions.take();
    if (taken === null) {
      this.silent.length = 0;
      return -1;
    }
    const { at, operation, isLast } = taken;
    if (isLast) this.inFlight.delete(operation);
    const result = this.cqeResults[at + CqeWord.Result] as number;
    if (operation.entry.opcode === Opcode.Accept && result >= 0) {
      this.handedOver.push(this.descriptors.connection(result));
    }
    return at;
  }

  registerBuffers(group: number, address: number, entries: number, flags: number): number {
    holds(!this.buffers.has(group), "a group of buffers is registered once");
    const isIncremental = (flags & BufferRingFlag.Incremental) !== 0;
    this.buffers.set(
      group,
      new BufferRing(address, entries, isIncremental, group >= SEND_GROUPS_FROM),
    );
    return 0;
  }

  unregisterBuffers(group: number): number {
    for (const { entry, isOver } of this.inFlight) {
      const uses = entry.selectsBuffer && entry.group === group;
      holds(isOver || !uses, "a ring of buffers is taken away when nobody uses it");
    }
    return this.buffers.delete(group) ? 0 : -Errno.EINVAL;
  }

  registerFiles(count: number): number {
    this.files.length = count;
    this.files.fill(null);
    return 0;
  }

  close(): void {
    this.isClosed = true;
  }

  // --- calls beside the ring ---

  otherAddress(descriptor: number): Uint8Array | null {
    const file = this.descriptors.get(descriptor);
    const connection = this.descriptors.connection(descriptor);
    const isNew = file.kind === "connection" && file.tenancy === null;
    const isGone = connection.isBroken || (isNew && this.fate.strikes("nameless"));
    if (isNew) connection.isNameless = isGone;
    return isGone ? null : this.world.addressOf(connection);
  }

  ownAddress(): Uint8Array | null {
    return null;
  }

  meetsItself(): boolean {
    return this.fate.strikes("itself");
  }

  comeFrom(): number {
    return 0;
  }

  sendNow(descriptor: number, bytes: Uint8Array): number {
    return this.performer.sendNow(this.descriptors.connection(descriptor), bytes);
  }

  endSending(descriptor: number): number {
    const connection = this.descriptors.connection(descriptor);
    const file = this.descriptors.get(descriptor);
    const tenancy = file.kind === "connection" ? this.tenancies.get(file.tenancy ?? "") : undefined;
    if (tenancy !== undefined) this.relayed(tenancy, connection);
    if (connection.isBroken) return -Errno.EPIPE;
    this.performer.checkEnd(connection);
    connection.finSent = true;
    return 0;
  }

  resetOnClose(descriptor: number): number {
    this.descriptors.connection(descriptor).lingers = true;
    return 0;
  }

  unsentBytes(descriptor: number): number {
    const { sent, acked, isBroken } = this.descriptors.connection(descriptor);
    return isBroken ? 0 : sent - acked;
  }

  unreadBytes(descriptor: number): number {
    return this.descriptors.connection(descriptor).readable;
  }

  queueUpTo(descriptor: number, backlog: number): void {
    const { kind } = this.descriptors.get(descriptor);
    holds(kind === "listening" && backlog >= 1, "queueUpTo: somebody may wait at what listens");
  }

  stopWaiting(descriptor: number): void {
    this.neverWait.add(descriptor);
  }

  acceptNow(descriptor: number): number {
    const file = this.descriptors.get(descriptor);
    if (file.kind !== "listening") throw new Error("fake kernel: this does not listen");
    holds(
      this.neverWait.has(descriptor),
      "the loop does not wait for a client outside of the ring",
    );
    const connection = file.listening.waiting.shift();
    if (connection === undefined) return -Errno.EAGAIN;
    if (this.fate.strikes("accept")) {
      connection.break(Errno.ECONNRESET);
      return -this.fate.pick([Errno.ECONNABORTED, Errno.EPROTO]);
    }
    this.handedOver.push(connection);
    return this.accept(connection);
  }

  closeNow(descriptor: number): void {
    const file = this.release(descriptor);
    if (file.kind !== "connection") return;
    // It came too late to become a relay.
    holds(file.tenancy === null, "closeNow: no operation has ever used the descriptor");
    this.handedOver.splice(this.handedOver.indexOf(file.connection), 1);
  }

  // --- for the test ---

  /** A listening socket. */
  listen(listening: Listening): number {
    return this.descriptors.open({ kind: "listening", listening });
  }

  /** Adds one to the eventfd. */
  signal(): void {
    this.event.count++;
  }

  /** Calls at that time, while enter(2) waits. */
  at(time: number, call: () => void): void {
    this.timers.push({ at: time, call });
  }

  /** Places of the file table that are filled. */
  get filesLeft(): number {
    return this.files.filter((file) => file !== null).length;
  }

  /** Operations that were prepared and not submitted yet. */
  get prepared(): Submission[] {
    const prepared: Submission[] = [];
    for (let i = this.sqHead; i < this.sqTail; i++) {
      prepared.push(readSubmission(this.sqes, (i % this.options.entries) * WORDS));
    }
    return prepared;
  }

  // --- for the performer ---

  /** A client becomes a descriptor. */
  accept(connection: Connection): number {
    return this.descriptors.open({ kind: "connection", connection, tenancy: null });
  }

  /** Who the ends are of the relay that is meant by tickets of this slot and generation. */
  tenancy(low: number, high: number): Tenancy {
    const key = this.tenancyOf(low, high);
    let tenancy = this.tenancies.get(key);
    if (tenancy === undefined) {
      tenancy = { client: null, upstream: null, dialledAt: 0, isExcused: false };
      this.tenancies.set(key, tenancy);
    }
    return tenancy;
  }

  private tenancyOf(low: number, high: number): string {
    return isOfEnd(low) ? this.relayOf(slotOf(low), high).tenancy : tenancyName(low, high);
  }

  /** The operation in flight with this ticket that can still be cancelled. */
  find(low: number, high: number): InFlight | null {
    const ticket = ticketKey(low, high);
    for (const operation of this.inFlight) {
      const isDone = operation.isOver || operation.usedUntil !== null;
      if (operation.ticket === ticket && !isDone) return operation;
    }
    return null;
  }

  /** Puts a descriptor into the table of fixed files, or empties a place (−1). */
  setFile(place: number, descriptor: number): void {
    this.files[place] = descriptor === -1 ? null : this.descriptors.get(descriptor);
  }

  /** A receive has really found no buffer: it is not to be tried again before there are some. */
  noteNoBuffers({ ticket, entry }: InFlight, ring: BufferRing): void {
    // One that was taken, of which the loop does not know yet, counts for the loop as provided.
    if (ring.room > 0 || this.completions.tellsOfBuffer(entry.group)) return;
    const key = `${ticket}/${entry.group}`;
    const denial = this.denials.get(key);
    const again = denial !== undefined && denial.provided === ring.providedCount;
    const count = again ? denial.count + 1 : 1;
    holds(count < DENIALS_MAX, "a receive that found no buffer waits until some are provided");
    this.denials.set(key, { provided: ring.providedCount, count });
  }

  /** Closes a descriptor that no operation uses. */
  release(descriptor: number): File {
    const file = this.descriptors.close(descriptor);
    for (const operation of this.inFlight) {
      // The notification of a zero-copy send may come after that.
      if (operation.isTold || operation.usedUntil !== null) continue;
      holds(operation.file !== file, "a descriptor is closed when no operation uses it any more");
    }
    if (file.kind === "connection") this.performer.closeConnection(file.connection);
    const waits = file.kind === "listening" && file.listening.waiting.length > 0;
    holds(!waits, "a listener is closed when nobody waits to be accepted, who would be reset");
    return file;
  }

  /** Of a send that was over silently nobody has to know soon: its source is read on meanwhile. */
  private checkSilent(): void {
    for (const { entry } of this.silent) {
      const { partner } = this.relayOf(slotOf(entry.low), entry.high);
      const isRead = [...this.inFlight].some((operation) => operation.ticket === partner);
      holds(isRead, "the loop does not sleep while a flow waits for a send that is over");
    }
  }

  private submit(count: number): void {
    for (const ring of this.buffers.values()) ring.look();
    for (let left = count; left > 0; left--) {
      const at = (this.sqHead++ % this.options.entries) * WORDS;
      this.begin(readSubmission(this.sqes, at));
    }
    // What was over at once is there, whatever becomes of the wait.
    this.completions.show();
  }

  private begin(entry: Submission): void {
    const isMultishot =
      (isReceive(entry) && isMultishotReceive(entry)) ||
      (entry.opcode === Opcode.Accept && isMultishotAccept(entry)) ||
      entry.opcode === Opcode.PollAdd;
    const file = fileless.has(entry.opcode) ? null : this.fileOf(entry);
    const operation = new InFlight(entry, file, isMultishot);
    if (operationOf(entry.low) !== Operation.Ignored) this.checkNew(operation);
    if (this.fate.strikes("slow")) {
      operation.notBefore = this.clock.now + this.fate.random() * SLOW_MS;
    }
    this.inFlight.add(operation);
    this.performer.begin(operation);
  }

  private fileOf(entry: Submission): File {
    if (!entry.isFixed) return this.descriptors.get(entry.fd);
    const file = this.files[entry.fd] ?? null;
    holds(file !== null, "a place of the file table that is used is filled");
    return file as File;
  }

  /** The rules for an operation whose completion somebody waits for. */
  private checkNew({ ticket, file, entry }: InFlight): void {
    for (const other of this.inFlight) {
      holds(other.ticket !== ticket, "at most one operation of a kind is in flight per flow");
    }
    if (entry.opcode === Opcode.Socket) {
      this.tenancy(entry.low, entry.high).dialledAt = this.clock.now;
    }
    if (file?.kind !== "connection") return;
    const name = this.tenancyOf(entry.low, entry.high);
    if (isOfAttempt(entry.low)) {
      holds(file.attempt === name, "an attempt connects its own socket");
      return;
    }
    file.tenancy ??= name;
    holds(file.tenancy === name, "an operation is submitted on a descriptor of its own relay");
    if (isOfCopy(entry.low)) return;
    const tenancy = this.tenancy(entry.low, entry.high);
    if (file.connection.isClient) tenancy.client ??= file.connection;
    this.relayed(tenancy, file.connection);
  }

  /** Something is relayed from or to that end. */
  private relayed(tenancy: Tenancy, end: Connection): void {
    if (!end.isClient) {
      tenancy.upstream ??= end;
      holds(tenancy.upstream === end, "of all attempts of a dial one is relayed to");
    }
    const { client, upstream } = tenancy;
    if (client === null || upstream === null) return;
    client.partner = upstream;
    upstream.partner = client;
  }

  /** Lets everything happen that can happen now. */
  private run(): boolean {
    let moved = this.world.act();
    for (const timer of this.timers.filter(({ at }) => at <= this.clock.now)) {
      this.timers.splice(this.timers.indexOf(timer), 1);
      timer.call();
    }
    for (const operation of this.shuffled()) {
      if (operation.isOver || operation.notBefore > this.clock.now) continue;
      if (this.performer.attempt(operation)) moved = true;
    }
    const { shown } = this.completions;
    this.completions.show();
    return moved || this.completions.shown > shown;
  }

  /** @param fewAt from that time on a single completion is enough */
  private waitFor(wait: number, fewAt: number, deadline: number): number {
    const { clock, completions } = this;
    for (;;) {
      while (this.run()) if (completions.ready >= wait && wait > 0) return 0;
      if (completions.ready >= wait) return 0;
      if (completions.ready > 0 && clock.now >= fewAt) return 0;
      if (clock.now >= deadline) return -Errno.ETIME;
      const soon = completions.ready > 0 ? fewAt : Infinity;
      const next = Math.min(deadline, soon, this.nextAt);
      holds(next !== Infinity, "the loop does not wait for what never comes");
      this.checkSilent();
      clock.now = Math.max(next, clock.now);
    }
  }

  /** When something happens by itself. */
  private get nextAt(): number {
    const { now } = this.clock;
    let next = Math.min(this.world.nextAt, this.completions.nextAt);
    for (const { at } of this.timers) next = Math.min(next, at);
    for (const { isOver, notBefore } of this.inFlight) {
      if (!isOver && notBefore > now) next = Math.min(next, notBefore);
    }
    return next;
  }

  private shuffled(): InFlight[] {
    const operations = [...this.inFlight];
    if (this.options.keepOrder) return operations;
    for (let i = operations.length - 1; i > 0; i--) {
      const j = this.fate.between(0, i);
      const one = operations[i] as InFlight;
      operations[i] = operations[j] as InFlight;
      operations[j] = one;
    }
    return operations;
  }

  /** A loop that calls enter(2) again and again for nothing burns a processor. */
  private checkSpin(): void {
    const { shown } = this.completions;
    if (shown !== this.shownBefore || this.clock.now - this.idleSince > SPIN_MS) {
      this.idleEnters = 0;
      this.idleSince = this.clock.now;
      this.shownBefore = shown;
    }
    holds(++this.idleEnters < IDLE_MAX, "the loop does not spin while nothing happens");
  }
}
