import { waitFor } from "../fixtures/wait.ts";

/** A socket of Bun with the members that its type file does not list. */
export interface RawSocket extends Bun.Socket<Probe> {
  readonly fd: number;
  pause(): void;
  resume(): void;
  close(): void;
}

/** A plain socket of Bun that writes down, in order, what its handlers are told. */
export class Probe {
  /**
   * The names of the callbacks, those with an error followed by its code; repeated `data` once, and
   * without `drain`, which Bun also tells unasked, for instance after `pause`.
   */
  readonly told: string[] = [];
  readonly chunks: Buffer[] = [];
  receivedBytes = 0;
  drainCount = 0;
  onOpen: (() => void) | null = null;
  onData: ((chunk: Buffer) => void) | null = null;
  /** The callback that is to throw. */
  throwsIn: string | null = null;
  /** Whether chunks are kept. */
  keeps = true;
  private opened: RawSocket | null = null;

  /** The socket, also when it is closed by now. Throws before `open`. */
  get socket(): RawSocket {
    if (this.opened === null) throw new Error("the socket is not open yet");
    return this.opened;
  }

  get isOpen(): boolean {
    return this.opened !== null;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Waits until the last thing told is `what`. */
  async last(what: string): Promise<void> {
    const told = () => this.told.at(-1) === what;
    await waitFor(told, () => `${what} is told, after ${this.told.join(", ")}`);
  }

  /** @internal for the handler */
  tell(what: string, error?: unknown): void {
    const line = error === undefined || error === null ? what : `${what} ${codeOf(error)}`;
    if (line === "drain") this.drainCount++;
    else if (line !== "data" || this.told.at(-1) !== "data") this.told.push(line);
    if (what === this.throwsIn) throw new Error(`thrown in ${what}`);
  }

  /** @internal for the handler */
  open(socket: Bun.Socket<Probe>): void {
    this.opened = socket as RawSocket;
    this.tell("open");
    this.onOpen?.();
  }

  /** @internal for the handler */
  data(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.keeps) this.chunks.push(chunk);
    this.tell("data");
    this.onData?.(chunk);
  }
}

/** For sockets whose `data` is a probe. */
export const probing: Bun.SocketHandler<Probe> = {
  open: (socket) => socket.data.open(socket),
  data: (socket, chunk) => socket.data.data(chunk as Buffer),
  drain: (socket) => socket.data.tell("drain"),
  end: (socket) => socket.data.tell("end"),
  close: (socket, error) => socket.data.tell("close", error),
  error: (socket, error) => socket.data.tell("error", error),
  connectError: (socket, error) => socket.data.tell("connectError", error),
};

/** For a listener: every accepted socket gets what `newProbe` makes. */
export function accepting(newProbe: () => Probe): Bun.SocketHandler<Probe> {
  return {
    ...probing,
    open: (socket) => {
      socket.data = newProbe();
      socket.data.open(socket);
    },
  };
}

function codeOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}

/** Both ends of one TCP connection over the loopback. */
export class Pair implements Disposable {
  readonly client = new Probe();
  readonly accepted = new Probe();

  /** @param prepare called before the connection is begun, to set what must not miss anything */
  static async open(prepare?: (pair: Pair) => void): Promise<Pair> {
    const pair = new Pair();
    prepare?.(pair);
    const listener = Bun.listen<Probe>({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: accepting(() => pair.accepted),
    });
    await Bun.connect<Probe>({
      hostname: "127.0.0.1",
      port: listener.port,
      allowHalfOpen: true,
      socket: probing,
      data: pair.client,
    });
    await waitFor(() => pair.accepted.isOpen, "the connection is accepted");
    listener.stop(false);
    return pair;
  }

  [Symbol.dispose](): void {
    for (const probe of [this.client, this.accepted]) if (probe.isOpen) probe.socket.terminate();
  }
}

/**
 * Lets the loop turn often enough that whatever the kernel has to say has been told: so many round
 * trips on a connection of their own. For showing that something does *not* happen.
 */
export async function loopTurns(roundTrips = 50): Promise<void> {
  using pair = await Pair.open(({ client, accepted }) => {
    accepted.onData = (chunk) => void accepted.socket.write(chunk);
    client.onData = (chunk) => void client.socket.write(chunk);
  });
  pair.client.socket.write("x");
  await waitFor(() => pair.client.receivedBytes >= roundTrips, "the loop turns");
}
