import { Errno } from "../../src/system/linux.ts";
import type { Connection } from "./connection.ts";
import type { Fate } from "./faults.ts";

/** What an end does when it has written everything. */
export type Ending =
  /** FIN at once; it reads on. */
  | "fin"
  /** FIN when the other end's has come. */
  | "answer"
  /** FIN at once, and it reads no more: bytes that come are answered by RST. */
  | "leave"
  /** RST. */
  | "reset"
  /** Nothing, until the test is to end. */
  | "stay";

/** What an end is going to do. */
export interface Plan {
  /** Bytes that it writes. */
  readonly total: number;
  readonly ending: Ending;
  /** Milliseconds between two things that it does, at most. */
  readonly gapMs: number;
  /** Most bytes that it writes or reads at once. */
  readonly chunk: number;
  /** It reads nothing before that time. */
  readonly readsFrom: number;
  /** It resets the connection then, whatever else it planned. */
  readonly resetsAt: number;
}

/** A client or an upstream: the program at the far end of a connection. */
export class End {
  /** It does nothing before that time. */
  private wakesAt: number;
  private total: number;
  private ending: Ending;
  private gapMs: number;
  private chunk: number;
  private readsFrom: number;
  private resetsAt: number;

  constructor(
    readonly connection: Connection,
    private readonly fate: Fate,
    plan: Plan,
    now: number,
  ) {
    this.wakesAt = now;
    this.total = plan.total;
    this.ending = plan.ending;
    this.gapMs = plan.gapMs;
    this.chunk = plan.chunk;
    this.readsFrom = plan.readsFrom;
    this.resetsAt = plan.resetsAt;
  }

  /** It will never do anything more. */
  get isOver(): boolean {
    const { isBroken, wasReset, hasEnded, isDelivered, readsNoMore } = this.connection;
    return isBroken || wasReset || (hasEnded && (isDelivered || readsNoMore));
  }

  /** From now on it is quick, reads all, and ends in an orderly way. */
  finish(): void {
    const { connection } = this;
    this.total = connection.written;
    this.gapMs = 0.01;
    this.chunk = 1 << 20;
    this.readsFrom = 0;
    this.resetsAt = Infinity;
    this.wakesAt = 0;
    if (this.ending !== "leave") this.ending = "fin";
  }

  /** It writes so many bytes more, as there is room. */
  offer(size: number): void {
    this.total += size;
    this.wakesAt = 0;
  }

  /** What it does when it has written everything. */
  endsBy(ending: Ending): void {
    this.ending = ending;
    this.wakesAt = 0;
  }

  /** Reads nothing, or reads again. */
  stall(isStalled: boolean): void {
    this.readsFrom = isStalled ? Infinity : 0;
    this.wakesAt = 0;
  }

  /** When it does something by itself, if that is later than `now`. */
  nextAt(now: number): number {
    if (this.isOver) return Infinity;
    const { connection, readsFrom, resetsAt, wakesAt } = this;
    const waits = connection.acked > connection.read ? readsFrom : Infinity;
    let next = wakesAt > now ? wakesAt : Infinity;
    if (resetsAt > now && resetsAt < next) next = resetsAt;
    return waits > now && waits < next ? waits : next;
  }

  /** Does what it can do now. @returns whether it did anything */
  act(now: number): boolean {
    const { connection } = this;
    if (this.isOver) return false;
    if (now >= this.resetsAt) {
      connection.break(Errno.ECONNRESET);
      return true;
    }
    if (now < this.wakesAt) return false;
    const wrote = this.write();
    const read = this.read(now);
    const ended = this.end();
    if (!(wrote || read || ended)) return false;
    this.wakesAt = now + this.fate.random() * this.gapMs + 0.001;
    return true;
  }

  private write(): boolean {
    const { connection } = this;
    const size = Math.min(this.chunk, this.total - connection.written, connection.inboundRoom);
    if (size <= 0) return false;
    connection.written += size;
    return true;
  }

  private read(now: number): boolean {
    const { connection } = this;
    if (now < this.readsFrom || connection.readsNoMore) return false;
    const size = Math.min(this.chunk, connection.acked - connection.read);
    connection.read += size;
    return size > 0;
  }

  private end(): boolean {
    const { connection, ending } = this;
    if (connection.hasEnded || connection.written < this.total) return false;
    switch (ending) {
      case "stay":
        return false;
      case "answer":
        if (!connection.isDelivered) return false;
        break;
      case "reset":
        connection.break(Errno.ECONNRESET);
        return true;
      case "leave":
        connection.readsNoMore = true;
        break;
      case "fin":
        break;
    }
    connection.hasEnded = true;
    return true;
  }
}
