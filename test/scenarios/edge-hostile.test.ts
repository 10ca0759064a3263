import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { CliProcess } from "../fixtures/cli-process.ts";
import { residentBytes } from "../fixtures/proc.ts";
import { inParallel, waitFor } from "../fixtures/wait.ts";

// Clients that want to keep others out, and others. On loopback each of 127.0.0.0/8 is another client.

const VILLAIN = "127.0.0.1";
const NEIGHBOUR = "127.0.0.2";
const MIB = 1024 * 1024;

/** A connection from one of our addresses; resolves when it is open or could not be. */
function open(port: number, localAddress: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    socket.on("error", () => resolve(socket));
    socket.once("connect", () => resolve(socket));
  });
}

/** A connection of the villain that asks at once. @returns it, or null when it got no answer */
function ask(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: VILLAIN });
    socket.on("connect", () => socket.write("PING\r\n"));
    socket.on("data", () => resolve(socket));
    socket.on("error", () => resolve(null));
    socket.on("close", () => resolve(null));
  });
}

/** Asks one after the other, and tells how long each took, in milliseconds, in order. */
async function latencies(socket: Socket, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let asked = 0; asked < count; asked++) {
    const at = performance.now();
    const answered = new Promise<void>((resolve, reject) => {
      socket.once("data", () => resolve());
      socket.once("close", () => reject(new Error("the neighbour was let go")));
    });
    socket.write("PING\r\n");
    await answered;
    socket.removeAllListeners("close");
    all.push(performance.now() - at);
  }
  return all.sort((a, b) => a - b);
}

function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

describe.skipIf(process.platform !== "linux").each(["sockets", "uring"])("engine %s", (engine) => {
  const common = ["-l", "127.0.0.1:0", "-e", engine, "--stats", "json"];

  test("10,000 connections of one client against a limit of 100", async () => {
    await using proxy = new CliProcess([...common, "--max-relays-per-client", "100"]);
    // The attack keeps this machine and this program busy, too: somebody who is not attacked shows
    // what that costs.
    await using other = new CliProcess(common);
    const port = await proxy.port();
    const neighbour = await open(port, NEIGHBOUR);
    const stranger = await open(await other.port(), NEIGHBOUR);
    await latencies(neighbour, 200);
    await latencies(stranger, 200);
    const held: Socket[] = [];
    let refused = 0;
    let isOver = false;
    const attack = inParallel(10_000, 50, async () => {
      const served = await ask(port);
      if (served === null) refused++;
      else held.push(served);
    }).then(() => {
      isOver = true;
    });
    await waitFor(() => refused > 200, "the attack is under way");
    const rss = residentBytes(proxy.child.pid);
    const attacked: number[] = [];
    const spared: number[] = [];
    while (!isOver) {
      attacked.push(...(await latencies(neighbour, 10)));
      spared.push(...(await latencies(stranger, 10)));
    }
    await attack;
    expect(held.length).toBe(100);
    expect(refused).toBe(9_900);
    const [slow, plain] = [attacked, spared].map((all) => median(all.sort((a, b) => a - b)));
    expect(slow).toBeLessThan(3 * (plain ?? 0));
    expect(residentBytes(proxy.child.pid) - rss).toBeLessThan(48 * MIB);
    for (const socket of held) socket.destroy();
    neighbour.destroy();
    stranger.destroy();
    const { out } = await proxy.stop();
    const { relays } = JSON.parse(out);
    expect(relays.reasons.client_full).toBe(9_900);
  }, 60_000);

  test("silent and one-byte-a-time clients are let go in time; others are served", async () => {
    await using proxy = new CliProcess([
      ...common,
      ...["--proxy-protocol", "required", "--preamble-timeout", "1s"],
    ]);
    const port = await proxy.port();
    const header = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n";
    const neighbour = await open(port, NEIGHBOUR);
    neighbour.write(header);
    await latencies(neighbour, 50);
    const villains = await Promise.all(Array.from({ length: 300 }, () => open(port, VILLAIN)));
    let sent = 0;
    const dribble = setInterval(() => {
      // A third says nothing at all.
      const byte = header[sent++] ?? "x";
      for (const [index, socket] of villains.entries()) if (index % 3 > 0) socket.write(byte);
    }, 200);
    try {
      const gone = () => villains.filter(({ closed }) => closed).length;
      await latencies(neighbour, 200);
      await waitFor(
        () => gone() === 300,
        () => `all are let go, now ${gone()}`,
      );
    } finally {
      clearInterval(dribble);
    }
    await latencies(neighbour, 50);
    neighbour.end();
    const { out } = await proxy.stop();
    expect(JSON.parse(out).relays.reasons).toMatchObject({ preamble_timeout: 300 });
  }, 30_000);

  test("clients that take the last descriptor leave some for who looks after it", async () => {
    await using proxy = new CliProcess(
      [...common, "--admin", "127.0.0.1:0", "-v"],
      ["prlimit", "--nofile=256:256"],
    );
    const port = await proxy.port();
    const [, address = ""] = await proxy.logged(/metrics on (\S+)/);
    const villains = await Promise.all(Array.from({ length: 400 }, () => open(port, VILLAIN)));
    await proxy.logged(/accepting is paused/);
    for (let look = 0; look < 5; look++) {
      expect((await fetch(`${address}/metrics`)).status).toBe(200);
      expect((await fetch(`${address}/api/state`)).status).toBe(200);
    }
    for (const socket of villains) socket.destroy();
    await proxy.logged(/accepting clients again/);
    const neighbour = await open(port, NEIGHBOUR);
    await latencies(neighbour, 10);
    neighbour.destroy();
  }, 30_000);
});
