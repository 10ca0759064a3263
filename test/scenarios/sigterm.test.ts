import { describe, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { CliProcess } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

// A stop under load, as a deployment does it: nobody loses an answer.

const CLIENTS = 60;
/** Of these clients, those that go on asking until they are told the end. */
const EAGER = 20;
const DRAIN_MS = 6_000;
/** Far longer than silence that makes a relay idle. */
const SLOW_MS = 2_500;

/** A client that asks, waits for its answer and asks again. */
class Client {
  answers = 0;
  isAsking = false;
  isClosed = false;
  /** It has lost an answer, or was reset. */
  failure: string | null = null;
  private wantsMore = true;
  private readonly socket: Socket;

  constructor(
    port: number,
    private readonly request = "PING\r\n",
  ) {
    this.socket = connect(port, "127.0.0.1", () => this.ask());
    this.socket.on("data", (chunk) => {
      if (chunk.toString() !== "+PONG\r\n") this.failure = `answered with ${chunk}`;
      this.answers++;
      this.isAsking = false;
      if (this.wantsMore) this.ask();
    });
    // A FIN between two requests is an orderly end; this one then answers with its own.
    this.socket.on("end", () => {
      if (this.isAsking) this.failure ??= "the end came instead of an answer";
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      if (this.isAsking) this.failure ??= error.code ?? error.message;
    });
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  /** No request after this one. */
  rest(): void {
    this.wantsMore = false;
  }

  leave(): void {
    this.wantsMore = false;
    if (!this.isAsking) this.socket.end();
    else this.socket.once("data", () => this.socket.end());
  }

  private ask(): void {
    if (!this.socket.writable) return;
    this.isAsking = true;
    this.socket.write(this.request);
  }
}

describe.each(["sockets", "uring"])("engine %s", (engine) => {
  if (engine === "uring" && process.platform !== "linux") return;

  test.concurrent.each([1, 2])(
    "SIGTERM under load, %i worker(s): every request that was sent is answered",
    async (workers) => {
      if (workers > 1 && process.platform !== "linux") return;
      await using proxy = new CliProcess([
        ...["-l", "127.0.0.1:0", "-e", engine, "-w", String(workers)],
        ...["--drain-timeout", `${DRAIN_MS}ms`, "--stats", "none"],
      ]);
      const port = await proxy.port();
      const clients = Array.from({ length: CLIENTS }, () => new Client(port));
      await waitFor(() => clients.every(({ answers }) => answers > 10), "all are served");
      const eager = clients.slice(0, EAGER);
      for (const client of clients.slice(EAGER, 2 * EAGER)) client.rest();
      const signalledAt = performance.now();
      proxy.child.kill("SIGTERM");
      await proxy.logged(/stopping: SIGTERM/);
      const before = eager.map(({ answers }) => answers);
      await waitFor(
        () => eager.every(({ answers }, index) => answers > (before[index] ?? 0) + 10),
        "whoever asks is still answered",
      );
      const resting = clients.slice(EAGER, 2 * EAGER);
      await waitFor(() => resting.some(({ isClosed }) => isClosed), "idle ones are let go");
      for (const client of clients) client.leave();
      const { exited } = proxy.child;
      expect(await exited).toBe(0);
      expect(performance.now() - signalledAt).toBeLessThan(DRAIN_MS + 2_000);
      await waitFor(() => clients.every(({ isClosed }) => isClosed), "all are closed");
      expect(clients.flatMap(({ failure }) => failure ?? [])).toEqual([]);
    },
    20_000,
  );

  test.concurrent.each([
    ["a slow answer alone", 1, 0],
    ["slow answers among idle clients", 10, 2],
  ])(
    "SIGTERM: %s is waited for, and nothing after it",
    async (_name, slowCount, idleCount) => {
      using upstream = await slowUpstream();
      await using proxy = new CliProcess([
        ...["-l", "127.0.0.1:0", "-e", engine, "-u", `127.0.0.1:${upstream.port}`],
        ...["--drain-timeout", `${DRAIN_MS}ms`, "--stats", "none"],
      ]);
      const port = await proxy.port();
      const idle = Array.from({ length: idleCount }, () => new Client(port));
      await waitFor(() => idle.every(({ answers }) => answers > 0), "all are served");
      for (const client of idle) client.rest();
      const slow = Array.from({ length: slowCount }, () => new Client(port, "SLOW\r\n"));
      await waitFor(() => upstream.waiting === slowCount, "they have asked");
      for (const client of slow) client.rest();
      const signalledAt = performance.now();
      proxy.child.kill("SIGTERM");
      const { exited } = proxy.child;
      expect(await exited).toBe(0);
      expect(performance.now() - signalledAt).toBeLessThan(DRAIN_MS);
      const clients = [...idle, ...slow];
      await waitFor(() => clients.every(({ isClosed }) => isClosed), "all are closed");
      expect(clients.flatMap(({ failure }) => failure ?? [])).toEqual([]);
      expect(slow.map(({ answers }) => answers)).toEqual(slow.map(() => 1));
    },
    20_000,
  );
});

/** Answers each PING at once, and each SLOW late. */
async function slowUpstream() {
  const state = { port: 0, waiting: 0, [Symbol.dispose]: () => void server.close() };
  const server = createServer((socket) => {
    const answer = () => void socket.write("+PONG\r\n");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const isSlow = chunk.toString() === "SLOW\r\n";
      if (isSlow) state.waiting++;
      setTimeout(answer, isSlow ? SLOW_MS : 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.port = (server.address() as AddressInfo).port;
  return state;
}
