import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { formatAddress } from "../../src/base/address.ts";
import { createProxy, type MirrorDrop, type ProxyConfig } from "../../src/index.ts";
import type { Statistics } from "../../src/observe/statistics.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import { findProgram, startOnFreePort } from "../clients/programs.ts";
import { type RestartableUpstream, redisName, startRedis } from "../clients/redis-upstream.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { parseExposition, sampleValue } from "../fixtures/exposition.ts";
import { Pattern } from "../fixtures/pattern.ts";
import { Refusing } from "../fixtures/system.ts";
import { echo, polite, Upstream } from "../fixtures/upstream.ts";
import { LIVENESS_MS, waitFor } from "../fixtures/wait.ts";

// Mirrors as their users meet them: the real program, real servers behind it, and a program's own proxy.

// Real servers on a machine that may be busy.
setDefaultTimeout(30_000);

const linux = process.platform === "linux";
const engines = linux ? ["sockets", "auto"] : ["sockets"];
const socat = findProgram("socat");
const folder = mkdtempSync(join(tmpdir(), "ringway-mirror-"));

afterAll(() => rmSync(folder, { recursive: true }));

/** {@link waitFor} of something that has to be asked for. */
async function eventually(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > LIVENESS_MS)
      throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(5);
  }
}

const here = (port: number) => `127.0.0.1:${port}`;

describe.each(engines)(`engine %s between a client and ${redisName}`, (engine) => {
  let first: RestartableUpstream;
  let second: RestartableUpstream;

  beforeAll(async () => {
    [first, second] = await Promise.all([startRedis(), startRedis()]);
  });
  afterAll(async () => {
    await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
  });

  test("what is set in one is set in the other, and everything tells of it", async () => {
    const log = join(folder, `${engine}.log`);
    await using proxy = new CliProcess([
      ...["-l", "127.0.0.1:0", "-u", here(first.port), "--mirror", here(second.port)],
      ...["-e", engine, "--access-log", log, "--admin", "127.0.0.1:0", "--stats", "json"],
    ]);
    const port = await proxy.port();
    const [, admin] = await proxy.logged(/metrics on http:\/\/(\S+)/);
    const client = new RedisClient(`redis://${here(port)}`);
    const keys = Array.from({ length: 500 }, (_, index) => `key ${index}`);
    const value = (key: string) => key.repeat(1 + ((key.length * 7_919) % 300));
    await Promise.all(keys.map((key) => client.set(key, value(key))));
    // They are answered by the first, but not by the second: its are thrown away.
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map(value));
    const mirror = new RedisClient(`redis://${here(second.port)}`);
    await eventually(
      async () => (await mirror.dbsize()) === keys.length,
      "the mirror has every key",
    );
    expect(await Promise.all(keys.map((key) => mirror.get(key)))).toEqual(keys.map(value));

    const text = await (await fetch(`http://${admin}/metrics`)).text();
    const families = parseExposition(text);
    const labels = { mirror: here(second.port) };
    expect(sampleValue(families, "ringway_mirror_copies_total", labels)).toBe(1);
    const state = await (await fetch(`http://${admin}/api/state`)).json();
    expect(state).toMatchObject({
      listeners: [{ mirror: { address: here(second.port), bufferBytes: 1_048_576, percent: 100 } }],
      totals: { mirrors: [{ mirror: here(second.port), begun: 1, running: 1, dropped: {} }] },
    });
    client.close();
    mirror.close();
    await waitFor(() => readFileSync(log, "utf8") !== "", "the relay is over");
    const { code, out } = await proxy.stop();
    expect(code).toBe(0);
    const { mirrors, up } = JSON.parse(out) as Statistics;
    expect(mirrors).toMatchObject([{ begun: 1, completed: 1, running: 0, dropped: {} }]);
    expect(mirrors[0]?.bytes).toBe(up.sentBytes);
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({ mirror: "mirrored" });
  });

  test("with two workers every relay has its copy", async () => {
    if (!linux) return;
    await using proxy = new CliProcess([
      ...["-l", "127.0.0.1:0", "-u", here(first.port), "--mirror", here(second.port)],
      ...["-e", engine, "-w", "2", "--stats", "json"],
    ]);
    const port = await proxy.port();
    const mirror = new RedisClient(`redis://${here(second.port)}`);
    const ends = await Promise.all(
      Array.from({ length: 40 }, () =>
        End.connect({ kind: "tcp", host: "127.0.0.1", port }, (end) => {
          end.keeps = true;
        }),
      ),
    );
    for (const end of ends) end.send("INCR together\r\n");
    await waitFor(() => ends.every((end) => end.text.endsWith("\r\n")), "all are answered");
    await eventually(async () => (await mirror.get("together")) === "40", "so are all copies");
    for (const end of ends) end.finish();
    await waitFor(() => ends.every((end) => end.closed), "all are over");
    mirror.close();
    const { mirrors } = JSON.parse((await proxy.stop()).out) as Statistics;
    expect(mirrors).toMatchObject([{ begun: 40, completed: 40, dropped: {} }]);
  });

  test("a mirror that falls over is told in the log, and comes back", async () => {
    await using proxy = new CliProcess([
      ...["-l", "127.0.0.1:0", "-u", here(first.port), "--mirror", here(second.port)],
      ...["-e", engine, "--stats", "json"],
    ]);
    const port = await proxy.port();
    const ping = async () => {
      const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port }, (one) => {
        one.keeps = true;
      });
      end.send("PING\r\n");
      await waitFor(() => end.text === "+PONG\r\n", "the upstream answers");
      end.finish();
      await waitFor(() => end.closed, "the relay is over");
    };
    await ping();
    await second.down();
    await ping();
    await proxy.logged(/mirror \S+: .*unreachable \(ECONNREFUSED\)/);
    await second.up();
    const count = async () => {
      const client = new RedisClient(`redis://${here(second.port)}`);
      const info = (await client.send("INFO", ["stats"])) as string;
      client.close();
      return Number(/total_connections_received:(\d+)/.exec(info)?.[1] ?? 0);
    };
    const before = await count();
    // Each question is a connection of its own.
    await eventually(async () => {
      await ping();
      return (await count()) > before + 1;
    }, "copies reach it again");
    expect((await proxy.stop()).code).toBe(0);
  });
});

describe.skipIf(socat === null)("with socat as the mirror", () => {
  test.each(engines)("engine %s: a file gets what the upstream gets", async (engine) => {
    const file = join(folder, `${engine}.copy`);
    const { child, port: mirror } = await startOnFreePort(
      // The first connection only asks whether it works.
      (free) => [
        socat ?? "",
        "-u",
        `TCP-LISTEN:${free},bind=127.0.0.1,reuseaddr,fork`,
        `OPEN:${file},creat,append`,
      ],
      (free) =>
        End.connect({ kind: "tcp", host: "127.0.0.1", port: free }).then(
          (end) => {
            end.close();
            return true;
          },
          () => false,
        ),
    );
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, polite);
    const config = join(folder, `${engine}.json`);
    const write = (more: object) =>
      writeFileSync(
        config,
        JSON.stringify({
          listen: "127.0.0.1:0",
          upstream: formatAddress(upstream.address),
          engine,
          ...more,
        }),
      );
    write({});
    try {
      await using proxy = new CliProcess(["-c", config]);
      const port = await proxy.port();
      const relay = async () => {
        const { length } = upstream.ends;
        const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
        end.offer({ seed: 7, total: 3_000_000 }).finish();
        await waitFor(() => upstream.ends[length]?.finSeen === true, "the upstream has everything");
      };
      await relay();
      // Nobody is copied before the reload, everybody is after it.
      write({ mirror: here(mirror), mirrorBuffer: "16MiB" });
      proxy.child.kill("SIGHUP");
      await proxy.logged(/1 listener changed/);
      await relay();
      await waitFor(() => readFileSync(file).length === 3_000_000, "the file has everything");
      expect(new Pattern(7).mismatch(0, readFileSync(file))).toBe(-1);
      expect((await proxy.stop()).code).toBe(0);
    } finally {
      upstream.close();
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});

describe.each(linux ? [0, 1, 2] : [0])("a program with %i workers", (workers) => {
  test("hears of copies that are given up, and of what became of each", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const refusing = Refusing.open();
    const mirror = formatAddress(refusing.address);
    const ended: RelaySummary[] = [];
    const drops: MirrorDrop[] = [];
    const config: ProxyConfig = {
      listeners: [{ name: "door", listen: "127.0.0.1:0" }],
      upstream: formatAddress(upstream.address),
      mirror,
      workers,
      drainTimeout: 0,
    };
    try {
      await using proxy = await createProxy(config, {
        relayEnded: (relay) => ended.push(relay),
        mirrorDropped: (drop) => drops.push(drop),
      });
      const port = Number(proxy.addresses[0]?.split(":").at(-1));
      const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
      end.send("hello");
      await waitFor(() => end.receivedBytes === 5, "the echo is here");
      await waitFor(() => drops.length === 1, "the copy is given up");
      end.finish();
      await waitFor(() => ended.length === 1, "the relay is over");
      const [drop] = drops;
      expect(drop).toMatchObject({ listener: "door", mirror, reason: "unreachable" });
      expect(drop?.detail).toBe("ECONNREFUSED");
      expect(ended[0]).toMatchObject({ id: drop?.relay, mirror: "unreachable" });
      expect(await proxy.reload({ ...config, mirror: "none" })).toBe(
        "1 listener changed, 0 relays cut",
      );
    } finally {
      upstream.close();
      refusing.close();
    }
  });
});
