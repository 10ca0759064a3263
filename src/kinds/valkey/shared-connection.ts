/** Who is owed a reply by a shared connection. */
export interface Owed {
  /** Its client has left: the reply is counted and thrown away. */
  readonly isGone: boolean;
}

/**
 * Whom a connection that many clients share owes its next replies: they come in the order of the requests. It
 * decides, and sends nothing.
 *
 * Owner: a pool of connections. Has no I/O and no clock.
 */
export class SharedConnection<S extends Owed> {
  private readonly queue: S[] = [];
  private first = 0;

  /** @param owedMax replies that it may owe at a time, at least 1 */
  constructor(private readonly owedMax: number) {}

  /** Replies that are owed, those to clients that have left included. */
  get owed(): number {
    return this.queue.length - this.first;
  }

  /** It owes as much as it may: requests wait. */
  get isFull(): boolean {
    return this.owed >= this.owedMax;
  }

  /** A session's request is sent. Not called while it {@link isFull}. */
  sent(session: S): void {
    this.queue.push(session);
  }

  /** A reply came. @returns whose it is; null when nobody is owed one, which breaks the protocol */
  replied(): S | null {
    const session = this.queue[this.first];
    if (session === undefined) return null;
    this.first++;
    // What is done with is given back in one piece, when it is half of all.
    if (this.first > 1_024 && this.first * 2 > this.queue.length) {
      this.queue.splice(0, this.first);
      this.first = 0;
    }
    return session;
  }

  /** The connection is lost. @returns who was owed replies and stays, each once */
  lost(): Set<S> {
    const sessions = new Set(this.queue.slice(this.first).filter(({ isGone }) => !isGone));
    this.queue.length = 0;
    this.first = 0;
    return sessions;
  }
}
