import {
  CQE_BUFFER_SHIFT,
  CqeFlag,
  IOVEC_SIZE,
  MSGHDR_SIZE,
  Opcode,
  RECVMSG_OUT_SIZE,
  SocketCommand,
} from "../../src/engine/uring/abi.ts";
import { slotOf } from "../../src/engine/uring/ticket.ts";
import { Errno } from "../../src/system/linux.ts";
import { holds, RuleBroken } from "../model/fuzz.ts";
import type { BufferRing, Piece } from "./buffer-ring.ts";
import type { Clock } from "./clock.ts";
import type { Completions } from "./completions.ts";
import type { Connection } from "./connection.ts";
import type { DescriptorTable, File } from "./descriptor-table.ts";
import type { Fate } from "./faults.ts";
import { addressIn, bytesAt } from "./memory.ts";
import { type InFlight, isBundle, isReceive, isSend, isZeroCopy } from "./operation.ts";
import type { Submission } from "./submission.ts";
import { type AttemptTenant, type Tenancy, tenancyName } from "./tenancy.ts";
import type { World } from "./world.ts";

/** How often connecting is at work just now when it is cancelled, and milliseconds that it goes on. */
const DIAL_AT_WORK = 0.3;
export const INTERRUPT_MS = 300;
/** Completions that a multishot operation makes without a pause. */
const SHOTS = 4;
const EFAULT = 14;
/** A send does not wait. */
const MSG_DONTWAIT = 0x40;
/** A send goes on until all is sent. */
const MSG_WAITALL = 0x100;
/** Words of a `struct msghdr`: where the pieces are, and how many. */
const MSG_IOV_WORD = 4;
const MSG_IOVLEN_WORD = 6;

/** What is needed of the kernel whose operations these are. */
interface PerformerHost {
  readonly fate: Fate;
  readonly world: World;
  readonly drains: boolean;
  readonly hasFewDescriptors: boolean;
  readonly buffers: ReadonlyMap<number, BufferRing>;
  readonly completions: Completions;
  readonly descriptors: DescriptorTable;
  readonly inFlight: Set<InFlight>;
  readonly silent: InFlight[];
  readonly ownerOf: (attempt: number) => AttemptTenant;
  accept(connection: Connection): number;
  at(time: number, call: () => void): void;
  find(low: number, high: number): InFlight | null;
  noteNoBuffers(operation: InFlight, ring: BufferRing): void;
  release(descriptor: number): File;
  setFile(place: number, descriptor: number): void;
  tenancy(low: number, high: number): Tenancy;
}

/** What the kernel does for each operation: tries it as far as its socket and buffers allow. */
export class Performer {
  private readonly fate: Fate;

  constructor(
    private readonly kernel: PerformerHost,
    private readonly clock: Clock,
  ) {
    this.fate = kernel.fate;
  }

  /** Starts an operation: what never waits is done at once. */
  begin(operation: InFlight): void {
    switch (operation.entry.opcode) {
      case Opcode.AsyncCancel:
        this.cancel(operation);
        return;
      case Opcode.Close:
        this.kernel.release(operation.entry.fd);
        this.finish(operation, 0);
        return;
      case Opcode.Command:
        this.setOption(operation);
        return;
      case Opcode.Connect:
        this.dial(operation);
        return;
      case Opcode.FilesUpdate:
        this.setFile(operation);
        return;
      case Opcode.Send:
      case Opcode.SendMessage:
        if ((operation.entry.operationFlags & MSG_DONTWAIT) !== 0) this.sendAtOnce(operation);
        return;
      case Opcode.Accept:
      case Opcode.PollAdd:
      case Opcode.Read:
      case Opcode.Receive:
      case Opcode.ReceiveMessage:
      case Opcode.SendMessageZeroCopy:
      case Opcode.SendZeroCopy:
      case Opcode.Socket:
        return;
      default:
        throw new Error(`fake kernel: ${Opcode[operation.entry.opcode]} is not known here`);
    }
  }

  /** Tries an operation that waits. @returns whether anything happened */
  attempt(operation: InFlight): boolean {
    if (this.strikesOut(operation)) return true;
    switch (operation.entry.opcode) {
      case Opcode.Accept:
        return this.acceptNext(operation);
      case Opcode.PollAdd:
        return this.poll(operation);
      case Opcode.Read:
        return this.readEvent(operation);
      case Opcode.Receive:
      case Opcode.ReceiveMessage:
        return this.receive(operation);
      case Opcode.Send:
      case Opcode.SendMessage:
      case Opcode.SendMessageZeroCopy:
      case Opcode.SendZeroCopy:
        return this.send(operation);
      case Opcode.Socket:
        return this.openSocket(operation);
      case Opcode.Connect:
        return this.connect(operation);
    }
    return false;
  }

  /** FIN to an end: it must be the truth. */
  checkEnd(target: Connection): void {
    const { partner, isOpen, copyOf } = target;
    holds(isOpen, "only a connection that is open is told an end");
    if (copyOf !== null) {
      this.checkEndOfCopy(target, copyOf);
      return;
    }
    const { mode } = this.kernel.world;
    const source = mode === "sink" ? target : partner;
    if (source === null) throw new RuleBroken("a relay without an upstream does not end by FIN");
    holds(source.hasEnded, "a target is told the end when its source has ended, not by a reset");
    holds(source.readable === 0, "a target is told the end when its source was read to its end");
    if (mode === "sink" || (mode === "oneway" && target.isClient)) return;
    holds(target.sent === source.written, "a target is told the end after the last byte");
  }

  /** FIN to a mirror: the upstream got one. */
  private checkEndOfCopy(mirror: Connection, client: Connection): void {
    const isOver = client.hasEnded && client.readable === 0;
    holds(isOver || this.kernel.drains, "a mirror is told the end when the upstream is");
    holds(
      mirror.sent === (client.partner?.sent ?? 0),
      "a mirror is told the end after the last byte",
    );
  }

  /** A mirror that has got every byte of an upstream that was told the end is told it as well. */
  private checkCloseOfCopy(mirror: Connection, { partner }: Connection): void {
    const { drains, hasFewDescriptors } = this.kernel;
    // It may have been given up before the loop has seen that its last byte was taken.
    if (drains || hasFewDescriptors || mirror.sent === 0 || mirror.isBroken) return;
    const isToEnd = partner?.finSent === true && mirror.sent === partner.sent;
    holds(!isToEnd || mirror.finSent, "an orderly end is one for a mirror, too");
  }

  /** Sends beside the ring, without waiting. @returns bytes that were taken, or −errno */
  sendNow(connection: Connection, bytes: Uint8Array): number {
    holds(connection.copyOf !== null, "only a copy is sent beside the ring");
    if (this.fate.strikes("again")) return -this.fate.pick([Errno.EAGAIN, Errno.EINTR]);
    const verdict = connection.sendVerdict();
    if (verdict !== null) return verdict;
    if (connection.sendRoom === 0) return -Errno.EAGAIN;
    const size = this.cutShort(Math.min(bytes.length, connection.sendRoom));
    this.checkBytes(connection, bytes.subarray(0, size), connection.sent);
    connection.take(size);
    return size;
  }

  /** Ringway lets go of a connection. */
  closeConnection(connection: Connection): void {
    holds(!connection.isClosed, "a connection is closed once");
    if (connection.copyOf !== null) this.checkCloseOfCopy(connection, connection.copyOf);
    const isClean = !connection.lingers && connection.readable === 0;
    const isOrderly = !connection.isBroken && !connection.lingers && !connection.finSent;
    if (isOrderly && !this.mayBeRetired(connection)) this.checkEnd(connection);
    connection.isClosed = true;
    connection.wasReset = !isClean && !connection.isBroken;
  }

  /** A relay that carries nothing may be ended in an orderly way while the proxy drains. */
  private mayBeRetired(connection: Connection): boolean {
    const { partner } = connection;
    const { drains, world } = this.kernel;
    if (!drains) return false;
    if (partner === null) return world.mode === "sink";
    const [client, upstream] = connection.isClient ? [connection, partner] : [partner, connection];
    const isDelivered = world.mode === "oneway" || client.sent === upstream.received;
    return isDelivered && upstream.sent === client.received;
  }

  /** A failure that has nothing to do with the socket. */
  private strikesOut(operation: InFlight): boolean {
    const { opcode, low, high } = operation.entry;
    if (operation.usedUntil !== null) return false;
    const sends = isSend(operation.entry);
    const moves = sends || isReceive(operation.entry);
    if (moves && this.fate.strikes("again")) {
      this.giveUp(operation, this.fate.pick([Errno.EAGAIN, Errno.EINTR]));
      return true;
    }
    const mayCancel = opcode !== Opcode.Connect && opcode !== Opcode.Socket;
    if (mayCancel && this.fate.strikes("canceled")) {
      if (sends) this.kernel.tenancy(low, high).isExcused = true;
      this.giveUp(operation, Errno.ECANCELED);
      return true;
    }
    return false;
  }

  private receive(operation: InFlight): boolean {
    if (!operation.entry.selectsBuffer) return this.discard(operation);
    for (let shot = 0; !operation.isOver; shot++) {
      if (shot === SHOTS || !this.receiveOnce(operation)) return shot > 0;
    }
    return true;
  }

  /** Receives so many bytes and throws them away: completes when all are here, or the end. */
  private discard(operation: InFlight): boolean {
    const connection = connectionOf(operation);
    if (!connection.isReadable) return false;
    const { length } = operation.entry;
    if (connection.readable === 0) {
      const verdict = connection.receiveVerdict() as number;
      this.finish(operation, operation.done > 0 ? operation.done : verdict);
      return true;
    }
    const size = this.cutShort(Math.min(connection.readable, length - operation.done));
    connection.received += size;
    operation.done += size;
    if (operation.done === length || this.fate.strikes("short")) {
      this.finish(operation, operation.done);
    }
    return true;
  }

  private receiveOnce(operation: InFlight): boolean {
    const { fate, kernel } = this;
    const { entry } = operation;
    const connection = connectionOf(operation);
    const ring = kernel.buffers.get(entry.group);
    if (ring === undefined) throw new Error("fake kernel: there is no such group of buffers");
    // A buffer is chosen before anything is received: at the first try, and whenever bytes are there.
    if (operation.isTried && !connection.isReadable) return false;
    if (ring.room === 0 || (connection.isReadable && fate.strikes("noBuffers"))) {
      kernel.noteNoBuffers(operation, ring);
      this.finish(operation, -Errno.ENOBUFS);
      return true;
    }
    operation.isTried = true;
    if (!connection.isReadable) return false;
    const header = headerSize(operation);
    if (ring.room < header) this.finish(operation, -EFAULT);
    else if (connection.readable === 0) this.receiveEnd(operation, connection, ring);
    else {
      const room = (isBundle(entry) ? ring.bundleRoom : ring.room) - header;
      const size = this.cutShort(Math.min(connection.readable, room, receiveMax(operation)));
      const pieces = ring.takeBundle(header + size);
      for (const [index, { bytes }] of pieces.entries()) {
        const payload = index === 0 ? bytes.subarray(header) : bytes;
        writePattern(connection, payload);
        connection.received += payload.length;
      }
      this.tell(operation, header + size, bufferFlags(pieces));
    }
    return true;
  }

  /** There is nothing to receive but an end, or an error. */
  private receiveEnd(operation: InFlight, connection: Connection, ring: BufferRing): void {
    const verdict = connection.receiveVerdict() as number;
    const { isBroken } = connection;
    const header = headerSize(operation);
    if (verdict === 0 && header > 0) {
      this.finish(operation, header, bufferFlags([ring.take(header)]), isBroken);
      return;
    }
    const wastes = !ring.isIncremental && this.fate.strikes("emptyBuffer");
    const flags = wastes ? bufferFlags([ring.take(0)]) : 0;
    this.finish(operation, verdict, flags, isBroken);
  }

  /** It does not wait: what is taken now is all that will be, and less than all is a failure. */
  private sendAtOnce(operation: InFlight): void {
    const connection = connectionOf(operation);
    const verdict = this.fate.strikes("again") ? -Errno.EAGAIN : connection.sendVerdict();
    if (verdict !== null) {
      this.kernel.completions.postAtOnce(operation, verdict);
      return;
    }
    const all = connection.sendRoom > 0 ? this.take(operation, connection) : Infinity;
    if (operation.done === all) {
      this.finish(operation, all);
      this.kernel.silent.push(operation);
    } else this.kernel.completions.postAtOnce(operation, operation.done || -Errno.EAGAIN);
  }

  private send(operation: InFlight): boolean {
    const connection = connectionOf(operation);
    if (operation.usedUntil !== null) return this.notify(operation, connection);
    const verdict = connection.sendVerdict();
    if (verdict !== null) {
      this.finishSend(operation, operation.done > 0 ? operation.done : verdict);
      return true;
    }
    if (connection.sendRoom === 0) return false;
    const all = this.take(operation, connection);
    const waitsForAll = (operation.entry.operationFlags & MSG_WAITALL) !== 0;
    if (!waitsForAll || operation.done === all) this.finishSend(operation, operation.done);
    return true;
  }

  /** The connection takes what it has room for. @returns bytes of the whole send */
  private take(operation: InFlight, connection: Connection): number {
    const pieces = this.piecesOf(operation);
    const all = pieces.reduce((sum, { length }) => sum + length, 0);
    holds(all > 0, "a send has something to send");
    const size = this.cutShort(Math.min(all - operation.done, connection.sendRoom));
    let skipped = operation.done;
    let left = size;
    for (const piece of pieces) {
      const part = piece.subarray(skipped, skipped + left);
      skipped = Math.max(0, skipped - piece.length);
      this.checkBytes(connection, part, connection.sent);
      connection.take(part.length);
      left -= part.length;
    }
    operation.done += size;
    return all;
  }

  /** A send is over. One that does not copy tells later that its bytes are not used any more. */
  private finishSend(operation: InFlight, result: number): void {
    const connection = connectionOf(operation);
    const { isBroken } = connection;
    if (!isZeroCopy(operation.entry.opcode)) {
      this.finish(operation, result, 0, isBroken);
      return;
    }
    operation.usedUntil = connection.sent;
    this.kernel.completions.post(operation, result, CqeFlag.More, false, isBroken);
  }

  /** The far end has what a zero-copy send sent, or never will: the bytes are free. */
  private notify(operation: InFlight, connection: Connection): boolean {
    const { usedUntil, done } = operation;
    const until = usedUntil as number;
    const isUsed = connection.acked < until && !connection.isBroken && !connection.wasReset;
    if (isUsed) return false;
    let at = until - done;
    let left = connection.acked < until ? 0 : done;
    for (const piece of operation.pieces ?? []) {
      const part = piece.subarray(0, left);
      this.checkBytes(connection, part, at);
      at += part.length;
      left -= part.length;
    }
    this.finish(operation, 0, CqeFlag.Notification);
    return true;
  }

  /** The pieces of memory that a send sends, looked up once. */
  private piecesOf(operation: InFlight): readonly Uint8Array[] {
    const { entry } = operation;
    if (operation.pieces !== null) return operation.pieces;
    let pieces: readonly Uint8Array[];
    if (entry.selectsBuffer) {
      const ring = this.kernel.buffers.get(entry.group);
      if (ring === undefined) throw new Error("fake kernel: there is no such group of buffers");
      pieces = ring.takeFull(isBundle(entry));
    } else pieces = piecesAt(entry);
    operation.pieces = pieces;
    return pieces;
  }

  /** What is sent to one end is what the other one wrote, in order, each byte once. */
  private checkBytes(target: Connection, bytes: Uint8Array, at: number): void {
    const source = target.copyOf ?? target.partner;
    holds(source !== null, "bytes are sent to the end of a relay that has two");
    const { pattern, received } = source as Connection;
    holds(at + bytes.length <= received, "no byte is sent that was not received");
    holds(pattern.mismatch(at, bytes) === -1, "bytes arrive in order, each once");
    if (target.copyOf === null) return;
    const upstream = target.copyOf.partner;
    const isTaken = upstream !== null && at + bytes.length <= upstream.sent;
    holds(isTaken, "a mirror gets what the upstream got");
  }

  private acceptNext(operation: InFlight): boolean {
    const { file } = operation;
    if (file?.kind !== "listening") throw new Error("fake kernel: this does not listen");
    for (let shot = 0; shot < SHOTS && !operation.isOver; shot++) {
      const { waiting } = file.listening;
      const [connection] = waiting;
      if (connection === undefined) return shot > 0;
      if (this.fate.strikes("accept")) {
        const errno = this.fate.pick([Errno.EMFILE, Errno.ENFILE, Errno.ECONNABORTED]);
        if (errno === Errno.ECONNABORTED) connection.break(Errno.ECONNRESET);
        if (errno === Errno.ECONNABORTED) waiting.shift();
        this.finish(operation, -errno);
        return true;
      }
      waiting.shift();
      this.tell(operation, this.kernel.accept(connection), 0);
    }
    return true;
  }

  private openSocket(operation: InFlight): boolean {
    const { kernel, fate } = this;
    const { low, high } = operation.entry;
    if (fate.strikes("socket")) {
      this.finish(operation, -fate.pick([Errno.EMFILE, Errno.ENFILE]));
      return true;
    }
    if (fate.strikes("family")) {
      this.finish(operation, -Errno.EAFNOSUPPORT);
      return true;
    }
    const connection = kernel.world.connectionToUpstream();
    const { copyOf, tenancy } = kernel.ownerOf(slotOf(low));
    connection.copyOf = copyOf;
    const attempt = tenancyName(low, high);
    const file: File = { kind: "connection", connection, tenancy, attempt };
    this.finish(operation, kernel.descriptors.open(file));
    return true;
  }

  /** The address is read before enter(2) returns; the answer comes when it comes. */
  private dial(operation: InFlight): void {
    const { address, offsetLow } = operation.entry;
    const { result, withinMs } = this.kernel.world.dialVerdict(bytesAt(address, offsetLow));
    operation.verdict = result;
    if (this.fate.random() < 0.7) {
      operation.notBefore = this.clock.now + this.fate.random() * withinMs;
    }
  }

  private connect(operation: InFlight): boolean {
    const { verdict } = operation;
    if (verdict === null || verdict === undefined) return false;
    if (verdict === 0) this.kernel.world.answer(connectionOf(operation));
    this.finish(operation, verdict);
    return true;
  }

  private poll(operation: InFlight): boolean {
    const mask = connectionOf(operation).pollMask;
    if (mask === operation.toldMask) return false;
    operation.toldMask = mask;
    if (mask === 0) return false;
    this.tell(operation, mask, 0);
    return true;
  }

  private readEvent(operation: InFlight): boolean {
    const { file, entry } = operation;
    if (file?.kind !== "event") throw new Error("fake kernel: this is no eventfd");
    if (file.count === 0) return false;
    holds(entry.length === 8, "an eventfd is read by 8 bytes");
    bytesAt(entry.address, 8).fill(0)[0] = file.count;
    file.count = 0;
    this.finish(operation, 8);
    return true;
  }

  private setFile(operation: InFlight): void {
    const { address, offsetLow, length } = operation.entry;
    holds(length === 1, "files are put into the table one by one");
    const bytes = bytesAt(address, 4);
    this.kernel.setFile(offsetLow, new DataView(bytes.buffer).getInt32(0, true));
    this.finish(operation, 1);
  }

  private setOption(operation: InFlight): void {
    const { offsetLow } = operation.entry;
    if (offsetLow !== SocketCommand.SetOption) throw new Error("fake kernel: an unknown command");
    holds(connectionOf(operation) !== null, "options are set of sockets");
    this.finish(operation, this.fate.strikes("option") ? -Errno.EINVAL : 0);
  }

  /** Cancels by ticket: the first that is in flight, if it is still to be had. */
  private cancel(operation: InFlight): void {
    const { addressLow, addressHigh } = operation.entry;
    const target = this.kernel.find(addressLow, addressHigh);
    if (target === null) {
      this.finish(operation, -Errno.ENOENT);
      return;
    }
    const mayTakeTime = isDial(target) && this.fate.random() < DIAL_AT_WORK;
    if (mayTakeTime || this.fate.strikes("cancelLate")) {
      // It is at work just now: over before it can be cancelled, or interrupted soon.
      target.notBefore = 0;
      if (this.attempt(target) && target.isOver) {
        this.finish(operation, -Errno.ENOENT);
        return;
      }
      const isDone = target.isOver || target.usedUntil !== null;
      if (!isDone) this.interrupt(target);
      this.finish(operation, -Errno.EALREADY);
      return;
    }
    this.giveUp(target, Errno.ECANCELED);
    this.finish(operation, 0);
  }

  /** It ends at the next opportunity; with connecting that may take a while. */
  private interrupt(operation: InFlight): void {
    const { fate } = this;
    const giveUp = () => {
      if (!operation.isOver) this.giveUp(operation, fate.pick([Errno.ECANCELED, Errno.EINTR]));
    };
    if (!isDial(operation)) giveUp();
    else this.kernel.at(this.clock.now + fate.random() * INTERRUPT_MS, giveUp);
  }

  /** It ends before its time: what a send has done so far counts nevertheless. */
  private giveUp(operation: InFlight, errno: number): void {
    if (!isSend(operation.entry)) this.finish(operation, -errno);
    else this.finishSend(operation, operation.done > 0 ? operation.done : -errno);
  }

  /** One completion of an operation that may go on after it. */
  private tell(operation: InFlight, result: number, flags: number): void {
    const ends = !operation.isMultishot || this.kernel.completions.isFull;
    if (ends || this.fate.strikes("endMultishot")) this.finish(operation, result, flags);
    else this.kernel.completions.post(operation, result, flags | CqeFlag.More, false);
  }

  /** The last completion of an operation. */
  private finish(operation: InFlight, result: number, flags = 0, isBarrier = false): void {
    if (operation.entry.skipsSuccess && result >= 0) {
      operation.isOver = true;
      this.kernel.inFlight.delete(operation);
    } else this.kernel.completions.post(operation, result, flags, true, isBarrier);
  }

  private cutShort(size: number): number {
    return this.fate.strikes("short") ? this.fate.between(1, this.fate.pick([1, size])) : size;
  }
}

function isDial({ entry }: InFlight): boolean {
  return entry.opcode === Opcode.Connect || entry.opcode === Opcode.Socket;
}

function connectionOf({ file }: InFlight): Connection {
  if (file?.kind !== "connection") throw new Error("fake kernel: this is no connection");
  return file.connection;
}

/** Fills memory with what the far end wrote next. */
function writePattern({ pattern, received }: Connection, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const view = pattern.view(received + at, bytes.length - at);
    bytes.set(view, at);
    at += view.length;
  }
}

/** The pieces of memory that a `struct msghdr` lists, or the one that the entry itself names. */
function piecesAt({ opcode, address, length }: Submission): Uint8Array[] {
  const isMessage = opcode === Opcode.SendMessage || opcode === Opcode.SendMessageZeroCopy;
  if (!isMessage) return [bytesAt(address, length)];
  const header = new Uint32Array(bytesAt(address, MSGHDR_SIZE).buffer);
  const word = (index: number) => header[index] as number;
  const count = word(MSG_IOVLEN_WORD);
  const list = addressIn(word(MSG_IOV_WORD), word(MSG_IOV_WORD + 1));
  const words = new Uint32Array(bytesAt(list, count * IOVEC_SIZE).buffer);
  return Array.from({ length: count }, (_, i) => {
    const [low, high, size] = words.subarray(i * 4, i * 4 + 3);
    return bytesAt(addressIn(low as number, high as number), size as number);
  });
}

/** Bytes that one receive may bring. A multishot RECV must not say so: the kernel refuses it. */
function receiveMax({ entry, isMultishot }: InFlight): number {
  if (entry.opcode !== Opcode.Receive || entry.length === 0) return Infinity;
  holds(!isMultishot, "a receive with a length is for once");
  return entry.length;
}

/** Bytes before those of the source, in what a multishot RECVMSG brings. */
function headerSize({ entry, isMultishot }: InFlight): number {
  return entry.opcode === Opcode.ReceiveMessage && isMultishot ? RECVMSG_OUT_SIZE : 0;
}

/** What a completion says about the buffers that were taken. */
function bufferFlags(pieces: readonly Piece[]): number {
  const [first] = pieces;
  const more = pieces.at(-1)?.more ? CqeFlag.BufferMore : 0;
  return CqeFlag.Buffer | more | ((first?.id ?? 0) << CQE_BUFFER_SHIFT);
}
