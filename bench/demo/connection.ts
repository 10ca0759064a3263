import type { Socket } from "bun";

/** What a connection sends at once, and what must come back, byte for byte, before it goes on. */
export interface Batch {
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
  /** How many requests it holds: more than one is a pipeline. */
  readonly requests: number;
}

/** What a connection reports to the load that it belongs to. */
export interface LoadHost {
  /** The connection's next batch, or null when it has done its part. */
  nextBatch(connection: LoadConnection): Batch | null;
  /** All of a batch was answered rightly. */
  answered(batch: Batch, ms: number): void;
  /** Bytes were sent or came. */
  moved(bytes: number): void;
  /** Something that must not happen; the connection is over then. */
  failed(sentence: string): void;
  /** The connection is closed, after a failure or in order. */
  closed(): void;
}

/** One client of a load: sends a batch, checks every byte of the answer, sends the next. */
export class LoadConnection {
  /** Batches that were begun so far. */
  batches = 0;
  private socket: Socket<LoadConnection> | null = null;
  private batch: Batch | null = null;
  private sentBytes = 0;
  private answeredBytes = 0;
  private begunAt = 0;
  private isFinished = false;
  private isOver = false;

  constructor(
    readonly index: number,
    private readonly host: LoadHost,
  ) {}

  /** Connects. @throws what `Bun.connect` throws */
  async open(hostname: string, port: number): Promise<void> {
    await Bun.connect({ hostname, port, data: this, socket: handler, allowHalfOpen: true });
  }

  /** Sends the next batch, or FIN when there is none. */
  next(): void {
    this.batch = this.host.nextBatch(this);
    this.sentBytes = 0;
    this.answeredBytes = 0;
    this.begunAt = performance.now();
    if (this.batch !== null) {
      this.batches++;
      this.pump();
      return;
    }
    this.isFinished = true;
    this.socket?.shutdown();
  }

  /** Gives the connection up at once. */
  abandon(): void {
    this.isOver = true;
    this.socket?.terminate();
  }

  /** @internal for the handler */
  opened(socket: Socket<LoadConnection>): void {
    this.socket = socket;
  }

  /** @internal for the handler */
  pump(): void {
    const { batch, socket } = this;
    if (batch === null || socket === null || this.sentBytes === batch.request.length) return;
    const taken = socket.write(batch.request.subarray(this.sentBytes));
    if (taken <= 0) return;
    this.sentBytes += taken;
    this.host.moved(taken);
  }

  /** @internal for the handler */
  received(bytes: Buffer): void {
    const { batch, answeredBytes } = this;
    if (this.isOver) return;
    this.host.moved(bytes.length);
    if (batch === null) {
      this.fail(`was sent ${bytes.length} bytes that it had not asked for`);
      return;
    }
    const expected = batch.reply.subarray(answeredBytes, answeredBytes + bytes.length);
    if (!bytes.equals(expected)) {
      this.fail(`was answered wrongly near byte ${answeredBytes} of an answer`);
      return;
    }
    this.answeredBytes += bytes.length;
    if (this.answeredBytes < batch.reply.length) return;
    this.host.answered(batch, performance.now() - this.begunAt);
    this.next();
  }

  /** @internal for the handler: the proxy has sent FIN */
  ended(): void {
    if (!this.isFinished) this.fail("was ended by the other end before it had all answers");
    else this.socket?.end();
  }

  /** @internal for the handler */
  wasClosed(error: unknown): void {
    if (!this.isFinished) this.fail("was dropped before it had all answers");
    else if (error !== undefined && error !== null) this.fail("was reset instead of closed");
    this.host.closed();
  }

  private fail(what: string): void {
    if (this.isOver) return;
    this.host.failed(`connection ${this.index + 1} ${what}`);
    this.abandon();
  }
}

/** Shared by all connections. */
const handler: Bun.SocketHandler<LoadConnection> = {
  open: (socket) => socket.data.opened(socket),
  data: (socket, bytes) => socket.data.received(bytes as Buffer),
  drain: (socket) => socket.data.pump(),
  end: (socket) => socket.data.ended(),
  close: (socket, error) => socket.data.wasClosed(error),
  // Only so that Bun does not report it twice: the promise of the connect rejects, too.
  connectError: () => {},
};
