import type { Socket, SocketHandler } from "bun";
import type { Load, LoadResult, RudeSpec } from "./load.ts";
import { exchange } from "./resp.ts";
import { Window } from "./window.ts";

/** How a life ends: these are what relays have to survive, in turn. */
const MANNERS = ["half-close", "reset-at-once", "reset-while-asked", "close-while-asked"] as const;

/** One short life, as its socket knows it. */
interface Life {
  readonly manners: (typeof MANNERS)[number];
  readonly index: number;
  readonly startedAt: number;
  received: number;
  over: boolean;
}

/**
 * Clients without manners: some half-close and wait for the upstream's end, some reset before or
 * while they are answered, some leave without reading. A life that ends as it should is one
 * operation; for a half-close that is the right answer, and then the upstream's own end.
 */
export class RudeLoad implements Load {
  private readonly ping = exchange("ping", 0, 1);
  private readonly question: Buffer;
  private port = 0;
  private window: Window | null = null;
  private active = 0;
  private turn = 0;

  constructor(private readonly spec: RudeSpec) {
    this.question = exchange("get", spec.valueBytes, 4).request;
  }

  async connect(port: number): Promise<void> {
    this.port = port;
  }

  run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => `${this.active} of the rude did not come to an end`);
    this.window = window;
    this.active = this.spec.concurrency;
    for (let i = 0; i < this.spec.concurrency; i++) this.begin(i);
    return window.result;
  }

  close(): void {
    this.window = null;
  }

  private begin(index: number): void {
    const manners = MANNERS[this.turn++ % MANNERS.length] ?? "half-close";
    const life: Life = { manners, index, startedAt: performance.now(), received: 0, over: false };
    Bun.connect<Life>({
      hostname: "127.0.0.1",
      port: this.port,
      allowHalfOpen: true,
      data: life,
      socket: this.handlers,
    }).catch((error: Error) => this.window?.fail(`a rude client was refused: ${error.message}`));
  }

  private readonly handlers: SocketHandler<Life, "buffer"> = {
    open: (socket) => this.opened(socket),
    data: (socket, chunk) => this.received(socket, chunk),
    end: (socket) => this.ended(socket),
    // An end that nobody asked for: fine for those who were about to leave anyhow.
    close: (socket) => this.finish(socket.data),
    error: (socket) => this.finish(socket.data),
    connectError: () => {},
  };

  private opened(socket: Socket<Life>): void {
    const { manners } = socket.data;
    if (manners === "reset-at-once") {
      socket.write(this.ping.request);
      socket.terminate();
    } else {
      socket.write(manners === "half-close" ? this.ping.request : this.question);
    }
  }

  private received(socket: Socket<Life>, chunk: Buffer): void {
    const life = socket.data;
    const { answer } = this.ping;
    const from = life.received;
    life.received += chunk.length;
    if (life.manners === "reset-while-asked") socket.terminate();
    else if (life.manners === "close-while-asked") socket.end();
    else if (chunk.compare(answer, from, Math.min(answer.length, life.received)) !== 0) {
      this.window?.fail("a half-closing client got a wrong answer");
    } else if (life.received === answer.length) socket.shutdown();
  }

  private ended(socket: Socket<Life>): void {
    const { manners, received } = socket.data;
    if (manners === "half-close" && received !== this.ping.answer.length) {
      this.window?.fail("the end overtook the answer");
    }
    socket.end();
    this.finish(socket.data);
  }

  private finish(life: Life): void {
    const { window } = this;
    if (life.over || window === null) return;
    life.over = true;
    const now = performance.now();
    window.count(life.startedAt, now);
    window.bytes += life.received;
    if (now < window.endsAt) this.begin(life.index);
    else if (--this.active === 0) window.finish();
  }
}
