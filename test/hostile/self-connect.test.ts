import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onEveryStage, type Stage, startOn } from "./stages.ts";

// An upstream on a port that nobody listens on and that the system gives to dials: once in a while one of
// them gets that very port, and TCP connects it to itself. In a network of its own the system has four
// such ports, so that every few dials do.

setDefaultTimeout(60_000);

const PORT = 40_002;
const DIALS = 60;
/** Where a process may have a network of its own; clients come by unix sockets, which are in none. */
const NETWORK: readonly string[] = [
  ...["unshare", "--net", "sh", "-c"],
  'ip link set lo up && echo "40000 40007" > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"',
  "sh",
];
const isAllowed =
  process.platform === "linux" &&
  Bun.which("unshare") !== null &&
  Bun.which("ip") !== null &&
  Bun.spawnSync([...NETWORK, "true"]).success;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-self-"));
});
afterEach(() => rm(folder, { recursive: true }));

const path = (name: string) => join(folder, name);

/** What a client hears who says something. */
async function heard(name = "in"): Promise<string> {
  const client = await End.connect({ kind: "unix", path: path(name) }, (end) => {
    end.keeps = true;
  });
  client.send("echo?");
  await waitFor(() => client.closed || client.receivedBytes > 0, "the client hears or is closed");
  client.reset();
  return client.text;
}

async function started(stage: Stage, listeners: readonly string[], ...args: string[]) {
  const listen = listeners.flatMap((name) => ["-l", `unix:${path(name)}`]);
  const proxy = startOn(stage, [...listen, "--stats", "json", ...args], NETWORK);
  await proxy.loggedTimes(/listening on/g, listeners.length);
  return proxy;
}

async function statistics(proxy: CliProcess) {
  const { out } = await proxy.stop();
  return JSON.parse(out);
}

if (!isAllowed) test.skip("a process may not have a network of its own here", () => {});
else {
  onEveryStage("a dial that meets itself is refused", (stage) => {
    test("of a relay", async () => {
      const upstream = ["-u", `127.0.0.1:${PORT}`, "--eject-after", "0"];
      await using proxy = await started(stage, ["in"], ...upstream);
      for (let left = DIALS; left > 0; left--) expect(await heard()).toBe("");
      const { relays } = await statistics(proxy);
      expect(relays.reasons).toEqual({ connect_refused: DIALS });
    });

    test("of a mirror", async () => {
      const upstream = Upstream.listen({ kind: "unix", path: path("out") }, echo);
      // Each listener has a mirror of its own: one is left alone for a moment after a failure.
      const names = Array.from({ length: 40 }, (_, index) => `in${index}`);
      const args = ["-u", `unix:${path("out")}`, "--mirror", `127.0.0.1:${PORT}`];
      await using proxy = await started(stage, names, ...args);
      for (const name of names) expect(await heard(name)).toBe("echo?");
      const { mirrors } = await statistics(proxy);
      expect(mirrors).toHaveLength(names.length);
      for (const { dropped, begun } of mirrors) expect(dropped).toEqual({ unreachable: begun });
      upstream.close();
    });
  });

  test("a check that meets itself has failed", () => {
    const code = `
      import { probe } from "${resolve(import.meta.dir, "../../src/upstream/health/probe.ts")}";
      import { checkOptions } from "${resolve(import.meta.dir, "../../src/upstream/health/test-redis.ts")}";
      const address = { kind: "tcp", host: "127.0.0.1", port: ${PORT} };
      const found = new Set();
      for (let left = ${DIALS}; left > 0; left--) {
        const { ok, detail } = await probe(address, checkOptions(), async (one) => [one]);
        found.add(ok + " " + detail);
      }
      console.log(JSON.stringify([...found]));
    `;
    const { stdout, stderr } = Bun.spawnSync([...NETWORK, process.execPath, "-e", code]);
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual(["false connect: ECONNREFUSED"]);
  });
}
