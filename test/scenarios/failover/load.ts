import type { TcpAddress } from "../../../src/base/address.ts";

/** Milliseconds after which a client takes its connection for dead: more than a busy machine needs. */
const PATIENCE_MS = 10_000;
/** One client of so many leaves sooner, whatever it has got. */
const IMPATIENT_EVERY = 4;
const IMPATIENCE_MS = 400;
/** An answer that took so long is a late one. */
const LATE_MS = 300;
/** How often short connections begin, and how many at a time at most. */
const BEGIN_MS = 2;
const BURST_MAX = 20;
/** Between two requests of a client that stays. */
const BREATH_MS = 25;

const PING = "PING\r\n";
const PONG = "+PONG\r\n";
const NO_ANSWER = "no answer";

/** A short connection that was not answered, or not in time. Times are those of `performance.now`. */
export interface Failure {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly why: string;
}

/**
 * Clients that connect, send PING, are answered and leave. They come at an even pace, whatever becomes
 * of those before: an upstream that hangs must not hold the load up.
 */
export class ShortConnections {
  made = 0;
  /** Those that were cut, refused, or not answered at all. */
  readonly failures: Failure[] = [];
  /** Those that were answered late, and those whose client did not wait for that. */
  readonly late: Failure[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly startedAt = performance.now();
  private begun = 0;
  private number = 0;

  /** @param perSecond so many begin in a second */
  constructor(
    private readonly address: TcpAddress,
    private readonly perSecond: number,
  ) {
    this.timer = setInterval(() => this.begin(), BEGIN_MS);
  }

  /** Lets those that were begun come to their end. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.underWay);
  }

  /** Begins as many as are due; what a busy machine has missed is not made up for. */
  private begin(): void {
    const due = Math.floor(((performance.now() - this.startedAt) * this.perSecond) / 1_000);
    const count = Math.min(due - this.begun, BURST_MAX);
    this.begun = due;
    for (let more = 0; more < count; more++) {
      const one = this.run().finally(() => this.underWay.delete(one));
      this.underWay.add(one);
    }
  }

  private async run(): Promise<void> {
    const startedAt = performance.now();
    const isImpatient = this.number++ % IMPATIENT_EVERY === 0;
    const why = await ping(this.address, isImpatient ? IMPATIENCE_MS : PATIENCE_MS);
    const endedAt = performance.now();
    this.made++;
    const hasLeft = isImpatient && why === NO_ANSWER;
    if (hasLeft || (why === null && endedAt - startedAt > LATE_MS)) {
      this.late.push({ startedAt, endedAt, why: why ?? "late" });
    } else if (why !== null) this.failures.push({ startedAt, endedAt, why });
  }
}

/** One short connection. @returns why it failed; null when it was answered */
async function ping(
  { host: hostname, port }: TcpAddress,
  patienceMs: number,
): Promise<string | null> {
  const outcome = Promise.withResolvers<string | null>();
  const timer = setTimeout(() => outcome.resolve(NO_ANSWER), patienceMs);
  let answer = "";
  const connecting = Bun.connect({
    hostname,
    port,
    socket: {
      open: (socket) => void socket.write(PING),
      data: (_, bytes) => {
        answer += bytes.toString();
        if (answer.length >= PONG.length) outcome.resolve(answer === PONG ? null : answer);
      },
      close: (_, error) => outcome.resolve(`closed: ${codeOf(error) ?? "without an answer"}`),
      connectError: (_, error) => outcome.resolve(`connect: ${codeOf(error)}`),
    },
  });
  const socket = await connecting.catch(() => null);
  const why = await outcome.promise;
  clearTimeout(timer);
  if (why === null) socket?.end();
  else socket?.terminate();
  return why;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/**
 * A client that stays and goes on asking. It waits for an answer as long as that takes: an upstream
 * that hangs may wake.
 */
export class Resident {
  answers = 0;
  /** Why its connection has ended; null while it lives. */
  lostBecause: string | null = null;
  private isOver = false;
  private waitsSince = 0;
  private socket: Bun.Socket | null = null;
  private received = 0;

  private constructor() {}

  /** @returns it, when it was answered for the first time */
  static async connect({ host: hostname, port }: TcpAddress): Promise<Resident> {
    const resident = new Resident();
    const first = Promise.withResolvers<void>();
    resident.socket = await Bun.connect({
      hostname,
      port,
      socket: {
        open: (socket) => resident.ask(socket),
        data: (socket, bytes) => {
          resident.received += bytes.length;
          if (resident.received < PONG.length) return;
          resident.received = 0;
          resident.answers++;
          resident.waitsSince = 0;
          first.resolve();
          setTimeout(() => resident.ask(socket), BREATH_MS);
        },
        close: (_, error) => {
          if (!resident.isOver) resident.lostBecause ??= codeOf(error) ?? "FIN";
          first.resolve();
        },
      },
    });
    await first.promise;
    return resident;
  }

  /** The client's address, as stories have it. */
  get name(): string {
    return `127.0.0.1:${this.socket?.localPort}`;
  }

  /** Milliseconds since it asked; 0 when it was answered. */
  get waitsForMs(): number {
    return this.waitsSince === 0 ? 0 : performance.now() - this.waitsSince;
  }

  leave(): void {
    this.isOver = true;
    this.socket?.end();
  }

  private ask(socket: Bun.Socket): void {
    if (this.isOver || this.lostBecause !== null) return;
    this.waitsSince = performance.now();
    socket.write(PING);
  }
}
