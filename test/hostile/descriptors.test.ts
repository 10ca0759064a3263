import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { CliProcess } from "../fixtures/cli-process.ts";
import { processorSeconds } from "../fixtures/proc.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEnginesAtOnce, type Stage, stages, startOn } from "./stages.ts";

// Strangers who take all the descriptors that they can get. On loopback each of 127.0.0.0/8 is another client.

setDefaultTimeout(60_000);

const STRANGER = "127.0.0.9";
const FRIEND = "127.0.0.2";
/** As few as a proxy may be left with. */
const LIMIT = 300;
const few = ["prlimit", `--nofile=${LIMIT}:${LIMIT}`];
const TOKEN = "a-token-of-more-than-16";
/** Of PROXY v1, for a client that is nobody here. */
const HEADER = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n";
/** Spinning is one whole core; everything here is some hundredths. */
const SPIN = 0.5;
const CPU_WINDOW_MS = 1_000;
/** Silent connections: far more than the admin server's share of so few descriptors. */
const SILENT = 48;

let upstream: Upstream;
let target = "";

beforeAll(() => {
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  if (upstream.address.kind === "tcp") target = `127.0.0.1:${upstream.address.port}`;
});

afterAll(() => upstream.close());

/** So many connections, each at least in the kernel's queue, that say `first` and no more. */
async function strangers(port: number, count: number, first = ""): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: STRANGER });
    socket.on("error", () => {});
    socket.on("connect", () => void socket.write(first));
    return socket;
  });
  // One that is let go at once may never hear that it was connected.
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once("connect", () => resolve());
          socket.once("close", () => resolve());
        }),
    ),
  );
  return sockets;
}

/** A client that says hello, perhaps after a header. @returns it, when the upstream has answered */
function served(port: number, header = ""): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: FRIEND });
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error("an allowed client is not served"));
    }, 5_000);
    socket.on("error", () => {});
    socket.on("close", () => reject(new Error("an allowed client was let go")));
    socket.on("connect", () => void socket.write(`${header}hello`));
    socket.on("data", () => {
      clearTimeout(late);
      resolve(socket);
    });
  });
}

async function inTurn(count: number, one: () => Promise<Socket>): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) sockets.push(await one());
  return sockets;
}

/** Whether both ways of a relay still work. */
function answers(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("data", () => resolve());
    socket.once("close", () => reject(new Error("a relay is gone")));
    socket.write("ping");
  });
}

function letGo(sockets: Iterable<Socket>): void {
  for (const socket of sockets) socket.destroy();
}

function descriptorsOf({ child }: CliProcess): number {
  return readdirSync(`/proc/${child.pid}/fd`).length;
}

/** The share of a core that the process takes from now on. */
async function processorShare({ child }: CliProcess): Promise<number> {
  const before = processorSeconds(child.pid);
  const at = performance.now();
  await Bun.sleep(CPU_WINDOW_MS);
  return (processorSeconds(child.pid) - before) / ((performance.now() - at) / 1_000);
}

/** Everything comes back but what the runtime opens for itself. */
async function comesBack(proxy: CliProcess, before: number): Promise<void> {
  await waitFor(
    () => descriptorsOf(proxy) <= before + 2,
    () => `descriptors come back: ${descriptorsOf(proxy)} are open, ${before} were`,
  );
}

const common = ["-l", "127.0.0.1:0", "--stats", "none", "-v"];

/** A proxy with an admin server, whom the operator asks as anybody with the token would. */
class Administered implements AsyncDisposable {
  private constructor(
    readonly proxy: CliProcess,
    readonly port: number,
    readonly adminPort: number,
  ) {}

  static async start(stage: Stage): Promise<Administered> {
    const flags = ["--admin", "127.0.0.1:0", "--admin-token", TOKEN];
    const proxy = startOn(stage, [...common, "-u", target, ...flags], few);
    const port = await proxy.port();
    const [, adminPort] = await proxy.logged(/metrics on http:\S+:(\d+)/);
    const started = new Administered(proxy, port, Number(adminPort));
    // What both open for the first time is open from now on.
    expect(await started.ask("/api/state")).toBe(200);
    (await served(port)).destroy();
    return started;
  }

  /** @returns the status of the answer */
  async ask(path: string): Promise<number> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const url = `http://127.0.0.1:${this.adminPort}${path}`;
    const response = await fetch(url, { headers, keepalive: false });
    await response.text();
    return response.status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.proxy[Symbol.asyncDispose]();
  }
}

// The admin server is of the main thread, whoever relays; here that is the one that relays, too.
test.if(stages.length > 0)(
  "more silent connections to the admin server than there are descriptors; what says nothing is let go of",
  async () => {
    await using crowded = await Administered.start(stages[0] as Stage);
    await using quiet = await Administered.start(stages[0] as Stage);
    const before = [crowded, quiet].map(({ proxy }) => descriptorsOf(proxy));
    // It takes a few at a time, each of whom has a moment to ask.
    const many = await strangers(crowded.adminPort, LIMIT + 20);
    const asked = crowded.ask("/api/state");
    // Nobody has to let go.
    const few = await strangers(quiet.adminPort, 20);
    await Promise.all(
      few.map((socket) => {
        return socket.destroyed || new Promise((resolve) => socket.once("close", resolve));
      }),
    );
    await comesBack(quiet.proxy, before[1] as number);
    expect(await asked).toBe(200);
    expect(descriptorsOf(crowded.proxy) - (before[0] as number)).toBeLessThan(SILENT / 2);
    letGo(many);
    await comesBack(crowded.proxy, before[0] as number);
  },
);

onBothEnginesAtOnce("strangers and descriptors", (stage) => {
  test("silent connections to the admin server leave relays and the operator alone", async () => {
    await using admin = await Administered.start(stage);
    const { proxy, port, adminPort } = admin;
    const before = descriptorsOf(proxy);
    for (const first of [
      "",
      "GET /api/st",
      "POST /api/plan HTTP/1.1\r\nContent-Length: 9\r\n\r\n1",
    ]) {
      const silent = await strangers(adminPort, SILENT, first);
      const friends = await inTurn(20, () => served(port));
      expect(await admin.ask("/api/state")).toBe(200);
      expect(await admin.ask("/metrics")).toBe(200);
      expect(descriptorsOf(proxy) - before).toBeLessThan(SILENT / 2 + 2 * 20);
      expect(await processorShare(proxy)).toBeLessThan(SPIN);
      for (const friend of friends) await answers(friend);
      letGo([...silent, ...friends]);
      await comesBack(proxy, before);
    }
  });

  test("280 that are denied and left to wait do not keep an allowed client out", async () => {
    const flags = ["--deny", STRANGER, "--refuse", "1h", "--max-relays", "20"];
    await using proxy = startOn(stage, [...common, "-u", target, ...flags], few);
    const port = await proxy.port();
    (await served(port)).destroy();
    const before = descriptorsOf(proxy);
    const denied = await strangers(port, 280);
    const friends = await inTurn(20, () => served(port));
    expect(await processorShare(proxy)).toBeLessThan(SPIN);
    // Some wait, as they were meant to, and the others were let go, the oldest first.
    const waiting = descriptorsOf(proxy) - before - 2 * 20;
    expect(waiting).toBeGreaterThan(2);
    expect(waiting).toBeLessThan(64);
    const more = await strangers(port, 280);
    for (const friend of friends) await answers(friend);
    letGo([...denied, ...more, ...friends]);
    await comesBack(proxy, before);
  });

  test("280 that say nothing where a PROXY header is to come do not keep a right one out", async () => {
    const flags = ["--proxy-protocol", "required", "--preamble-timeout", "1h"];
    const bound = ["--max-relays", "20"];
    await using proxy = startOn(stage, [...common, "-u", target, ...flags, ...bound], few);
    const port = await proxy.port();
    (await served(port, HEADER)).destroy();
    const before = descriptorsOf(proxy);
    const silent = await strangers(port, 280);
    const friends = await inTurn(20, () => served(port, HEADER));
    expect(await processorShare(proxy)).toBeLessThan(SPIN);
    const more = await strangers(port, 280, "PROXY TCP4 ");
    for (const friend of friends) await answers(friend);
    expect(descriptorsOf(proxy)).toBeLessThan(LIMIT);
    letGo([...silent, ...more, ...friends]);
    await comesBack(proxy, before);
  });

  test("descriptors that are taken from a process that runs pause it, and it does not spin", async () => {
    await using proxy = startOn(
      stage,
      [...common, "-u", target],
      ["prlimit", "--nofile=2000:4000"],
    );
    const port = await proxy.port();
    const pid = String(proxy.child.pid);
    const friends = await inTurn(30, () => served(port));
    const before = descriptorsOf(proxy);
    const lower = Bun.spawn(["prlimit", "--pid", pid, `--nofile=${before - 20}:4000`]);
    expect(await lower.exited).toBe(0);
    const late = await strangers(port, 50, "hello");
    const over = { answered: 0, letGo: 0 };
    for (const socket of late) {
      // It may have been let go before anybody listened.
      if (socket.destroyed) {
        over.letGo++;
        continue;
      }
      socket.once("data", () => over.answered++);
      socket.once("close", () => over.letGo++);
    }
    await proxy.logged(/accepting is paused/);
    expect(await processorShare(proxy)).toBeLessThan(SPIN);
    for (const friend of friends) await answers(friend);
    expect(over.answered).toBe(0);
    const raise = Bun.spawn(["prlimit", "--pid", pid, "--nofile=2000:4000"]);
    expect(await raise.exited).toBe(0);
    // The others waited in the kernel's queue. One was under way in each worker, and the limit has met its dial.
    await waitFor(
      () => over.answered + over.letGo === 50,
      () => `all that waited are served: ${JSON.stringify(over)}`,
    );
    expect(over.letGo).toBeLessThanOrEqual(2 * stage.workers);
    await proxy.logged(/accepting clients again/);
    const { err } = await proxy.stop("SIGKILL");
    expect(err).not.toMatch(/refused|ejected/);
    letGo([...late, ...friends]);
  });
});
