import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readlinkSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../fixtures/cli-process.ts";
import { PseudoTerminal } from "../fixtures/pseudo-terminal.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEnginesAtOnce, type Stage } from "./stages.ts";

// Whoever reads what ringway writes may leave, stand still, or have no room. Relays must not notice.

const folder = mkdtempSync(join(tmpdir(), "ringway-outputs-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Where a program's outputs go: Bun.spawn's words for it. */
interface Outputs {
  readonly stdout: "pipe" | "ignore" | number;
  readonly stderr: "pipe" | "ignore" | number;
}

/** Says whatever it is told. */
async function echoServer(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A relay from its client's end. */
class Client {
  private received = "";
  isOver = false;

  private constructor(private readonly socket: Socket) {
    socket.on("data", (chunk) => {
      this.received += chunk.toString();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isOver = true;
    });
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect(port, "127.0.0.1");
    const client = new Client(socket);
    await waitFor(() => !socket.connecting || client.isOver, "it is connected or refused");
    return client;
  }

  /** Fails when no echo comes. */
  async ask(): Promise<void> {
    const { length } = this.received;
    this.socket.write("PING");
    await waitFor(() => this.isOver || this.received.length >= length + 4, "the echo comes");
    expect(this.received).toHaveLength(length + 4);
  }

  async isServed(): Promise<boolean> {
    this.socket.write("PING");
    await waitFor(() => this.isOver || this.received.length === 4, "an answer, or none to be had");
    return !this.isOver;
  }

  end(): void {
    this.socket.destroy();
  }
}

/** The program with these outputs, one relay that lasts, and a port for more of them. */
class Scene implements AsyncDisposable {
  private constructor(
    readonly child: Bun.Subprocess,
    private readonly upstream: Server,
    readonly port: number,
    readonly lasting: Client,
  ) {}

  static async start(
    { engine, workers }: Stage,
    flags: readonly string[],
    outputs: Outputs,
    before: readonly string[] = [],
  ): Promise<Scene> {
    const upstream = await echoServer();
    // Outputs are what is tried, so the port comes another way.
    const free = await echoServer();
    const port = portOf(free);
    await new Promise((resolve) => free.close(resolve));
    const child = Bun.spawn(
      [
        ...before,
        ...[...PROGRAM, "-l", `127.0.0.1:${port}`, "-e", engine],
        ...["--workers", String(workers), "-u", `127.0.0.1:${portOf(upstream)}`, ...flags],
      ],
      { stdin: "ignore", ...outputs },
    );
    const lasting = await firstClient(child, port);
    const scene = new Scene(child, upstream, port, lasting);
    await scene.lasting.ask();
    return scene;
  }

  /** Many relays at once that each leave a line or more. */
  async burst(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const clients = await Promise.all(
        Array.from({ length: 40 }, () => Client.connect(this.port)),
      );
      await Promise.all(clients.map((client) => client.ask()));
      for (const client of clients) client.end();
    }
  }

  /** The program relays as if nothing had happened, and ends when it is asked to. */
  async goesOn(code = 0): Promise<void> {
    await this.lasting.ask();
    await this.burst(1);
    expect(this.lasting.isOver).toBe(false);
    this.lasting.end();
    this.child.kill("SIGTERM");
    expect(await this.child.exited).toBe(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lasting.end();
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
    await this.child.exited;
    this.upstream.close();
  }
}

/** The first client that a program serves, which cannot say when it listens. */
async function firstClient(child: Bun.Subprocess, port: number): Promise<Client> {
  for (;;) {
    const client = await Client.connect(port);
    if (await client.isServed()) return client;
    if (child.exitCode !== null) throw new Error(`it has ended: ${child.exitCode}`);
    await Bun.sleep(20);
  }
}

const ACCESS_LOG = ["--access-log", "stdout"];

onBothEnginesAtOnce("outputs", (stage) => {
  test("the reader of the access log leaves its pipe", async () => {
    await using scene = await Scene.start(stage, ACCESS_LOG, { stdout: "pipe", stderr: "pipe" });
    const err = (scene.child.stderr as ReadableStream).text();
    await (scene.child.stdout as ReadableStream).cancel();
    await scene.burst(3);
    await scene.goesOn();
    expect(await err).toContain("access log stdout: EPIPE; lines that find no room are dropped");
  }, 30_000);

  test("the reader of the log leaves its pipe", async () => {
    await using scene = await Scene.start(stage, ["-v"], { stdout: "ignore", stderr: "pipe" });
    await (scene.child.stderr as ReadableStream).cancel();
    await scene.burst(3);
    await scene.goesOn();
  }, 30_000);

  test("a terminal that was stopped holds nobody up", async () => {
    using terminal = new PseudoTerminal();
    const { descriptor } = terminal;
    await using scene = await Scene.start(stage, ["-v", ...ACCESS_LOG], {
      stdout: descriptor,
      stderr: descriptor,
    });
    await scene.burst(10);
    // The statistics cannot be written.
    await scene.goesOn(1);
  }, 30_000);

  test("a terminal whose window is closed", async () => {
    using terminal = new PseudoTerminal();
    const { descriptor } = terminal;
    const outputs = { stdout: descriptor, stderr: descriptor };
    await using scene = await Scene.start(stage, ["-v", ...ACCESS_LOG], outputs);
    terminal.handedOver();
    terminal.close();
    await scene.burst(3);
    await scene.goesOn();
  }, 30_000);

  test("a disk without room", async () => {
    const full = openSync("/dev/full", "w");
    const outputs = { stdout: full, stderr: full };
    await using scene = await Scene.start(stage, ["-v", ...ACCESS_LOG], outputs);
    closeSync(full);
    await scene.burst(3);
    await scene.goesOn(1);
  }, 30_000);

  test("stdin, stdout and stderr are closed", async () => {
    const shell = ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "ringway"];
    const outputs = { stdout: "ignore", stderr: "ignore" } as const;
    await using scene = await Scene.start(stage, ["-v", ...ACCESS_LOG], outputs, shell);
    await scene.burst(1);
    // Nothing that was opened has got one of the three numbers: lines would go there.
    for (const descriptor of [1, 2]) {
      expect(readlinkSync(`/proc/${scene.child.pid}/fd/${descriptor}`)).toBe("/dev/null");
    }
    await scene.goesOn();
  }, 30_000);
});
