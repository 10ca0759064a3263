import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, startOnFreePort, startOnPort } from "../clients/programs.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";
import { AskingClient } from "./valkey/asking-client.ts";

// The primary is killed and replaced under load. Clients of mode `valkey` keep their connections.

const redisServer = findProgram("redis-server");
const engines = process.platform === "linux" ? ["sockets", "uring"] : ["sockets"];

/** More of both: RINGWAY_FAILOVERS=50 RINGWAY_FAILOVER_CLIENTS=200 bun test test/scenarios/valkey-failover.test.ts */
const FAILOVERS = Number(process.env.RINGWAY_FAILOVERS ?? 3);
const CLIENTS = Number(process.env.RINGWAY_FAILOVER_CLIENTS ?? 40);

interface Server {
  child: Bun.Subprocess;
  readonly port: number;
}

/** Where a server writes what its replica gets; each has its own, or it would come back with what another one had. */
const folder = mkdtempSync(join(tmpdir(), "ringway-failover-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function command(port: number, primary: number | null = null): string[] {
  // From its first moment on: else it would be a second primary until it is told.
  const role = primary === null ? [] : ["--replicaof", "127.0.0.1", String(primary)];
  const place = ["--port", String(port), "--bind", "127.0.0.1", "--tcp-backlog", "4096"];
  return [
    redisServer as string,
    ...place,
    ...role,
    "--dir",
    folder,
    "--dbfilename",
    `${port}.rdb`,
    "--save",
    "",
    "--appendonly",
    "no",
    "--repl-diskless-sync-delay",
    "0",
  ];
}

async function answersPing(port: number): Promise<boolean> {
  return (await say(port, "PING")).startsWith("+PONG");
}

/** Asks a server directly. */
async function say(port: number, ...words: string[]): Promise<string> {
  try {
    const client = await AskingClient.open(port);
    const [answer] = await client.ask(words);
    client.leave();
    return answer?.reply ?? "";
  } catch {
    return "";
  }
}

async function startServer(): Promise<Server> {
  return await startOnFreePort((port) => command(port), answersPing);
}

/** What one client has seen. */
class Story {
  /** Writes that were answered, and those that were answered with an error. */
  readonly done: string[] = [];
  errors = 0;
  readonly wrong: string[] = [];
  isLost = false;
}

/** Writes and reads back until it is told to stop. */
async function live(port: number, name: string, isOver: () => boolean): Promise<Story> {
  const story = new Story();
  const client = await AskingClient.open(port);
  for (let at = 0; !isOver() && !client.isLost; at++) {
    const mark = `${name}-${at}`;
    const [written, echoed] = await client.ask(["RPUSH", name, mark], ["ECHO", mark]);
    if (written === undefined || echoed === undefined) continue;
    if (written.isError) story.errors++;
    else if (written.reply.startsWith(":")) story.done.push(mark);
    else story.wrong.push(`${mark}: ${written.reply}`);
    if (echoed.isError) story.errors++;
    else if (!echoed.reply.endsWith(`\r\n${mark}`)) story.wrong.push(`${mark}: ${echoed.reply}`);
  }
  story.isLost = client.isLost;
  client.leave();
  return story;
}

test.skipIf(redisServer === null).each(engines)(
  "engine %s: the primary is killed and replaced, and no client loses its connection",
  async (engine) => {
    let [primary, replica] = [await startServer(), await startServer()];
    try {
      await say(replica.port, "REPLICAOF", "127.0.0.1", String(primary.port));
      const upstreams = [primary, replica].flatMap(({ port }) => ["-u", `127.0.0.1:${port}`]);
      await using proxy = new CliProcess([
        ...["-l", "127.0.0.1:0", ...upstreams, "--engine", engine, "--mode", "valkey"],
        ...["--check", "redis-primary", "--check-interval", "100ms", "--check-timeout", "1s"],
        ...["--hold-timeout", "30s", "--on-down", "close", "--valkey-retry", "reads"],
      ]);
      const port = await proxy.port();
      let isOver = false;
      const lives = Array.from({ length: CLIENTS }, (_, at) =>
        live(port, `client${at}`, () => isOver),
      );
      const isServed = async () => (await say(port, "SET", "probe", "1")).startsWith("+OK");
      for (let round = 0; round < FAILOVERS; round++) {
        await waitFor(isServed, "writes are answered", 30_000);
        const isSynced = async () => (await say(primary.port, "WAIT", "1", "50")) === ":1";
        await waitFor(isSynced, "the replica has everything", 30_000);
        primary.child.kill("SIGKILL");
        await primary.child.exited;
        await say(replica.port, "REPLICAOF", "NO", "ONE");
        await waitFor(isServed, "writes go to the new primary", 30_000);
        const child = await startOnPort(
          command(primary.port, replica.port),
          primary.port,
          answersPing,
        );
        if (child === null) throw new Error("the old primary did not come back");
        primary.child = child;
        [primary, replica] = [replica, primary];
      }
      await waitFor(isServed, "writes are answered", 30_000);
      isOver = true;
      const stories = await Promise.all(lives);
      expect(stories.flatMap(({ wrong }) => wrong)).toEqual([]);
      expect(stories.filter(({ isLost }) => isLost).length).toBe(0);
      // In flight are at most the two commands that a client has asked for together. A second connection may be
      // lost in one failover: the kernel of a server that is being killed still accepts it.
      for (const { errors } of stories) expect(errors).toBeLessThanOrEqual(4 * FAILOVERS);
      const reader = await AskingClient.open(primary.port);
      for (const [at, { done }] of stories.entries()) {
        const [answer] = await reader.ask([
          "EVAL",
          "return table.concat(redis.call('LRANGE', KEYS[1], 0, -1), ' ')",
          "1",
          `client${at}`,
        ]);
        const all = (answer?.reply.split("\r\n")[1] ?? "").split(" ");
        expect(new Set(all).size).toBe(all.length);
        expect(done.length).toBeGreaterThan(FAILOVERS);
      }
      reader.leave();
      expect(await proxy.stop()).toMatchObject({ code: 0 });
    } finally {
      for (const { child } of [primary, replica]) child.kill("SIGKILL");
    }
  },
  120_000 + 20_000 * FAILOVERS,
);
