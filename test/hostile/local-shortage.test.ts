import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEnginesAtOnce, startOn } from "./stages.ts";

// Clients that use up the local ports of a machine: what is wanting there is no fault of an upstream.

setDefaultTimeout(60_000);

/** Of a network of its own, in which there is nobody else, and so few ports to dial from. */
const PORTS = 6;
const UPSTREAM = 7000;
const echo = `Bun.listen({hostname:"127.0.0.1",port:${UPSTREAM},socket:{data(s,d){s.write(d)},error(){}}})`;
const fewPorts = `echo "40000 ${40_000 + PORTS - 1}" > /proc/sys/net/ipv4/ip_local_port_range`;
const noIPv6 = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
const script = (setting: string) => [
  "ip link set lo up",
  setting,
  `${process.execPath} -e '${echo}' &`,
  // The upstream is there before anybody dials it.
  `until grep -q :${UPSTREAM.toString(16).toUpperCase()} /proc/net/tcp; do sleep 0.05; done`,
  'exec "$0" "$@"',
];
const alone = (setting: string) => {
  return ["unshare", "-rnpf", "--kill-child", "sh", "-c", script(setting).join("\n")];
};
const isPossible =
  process.platform === "linux" &&
  Bun.spawnSync(["unshare", "-rnpf", "ip", "link", "set", "lo", "up"]).exitCode === 0;

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-local-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** A client in this network, which only a unix socket leads out of. @returns null when it was let go */
function client(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ path }, () => socket.write("hello"));
    socket.on("error", () => {});
    socket.once("data", () => resolve(socket));
    socket.once("close", () => resolve(null));
  });
}

onBothEnginesAtOnce("local ports", (stage) => {
  test.skipIf(!isPossible)("their lack is not blamed on the upstream", async () => {
    const path = join(folder, `${stage.engine}-${stage.workers}.sock`);
    const check = ["--check", "tcp", "--check-interval", "100ms", "--on-down", "close"];
    const target = ["-l", `unix:${path}`, "-u", `127.0.0.1:${UPSTREAM}`];
    await using proxy = startOn(
      stage,
      [...target, ...check, "--stats", "none", "-v"],
      alone(fewPorts),
    );
    await proxy.logged(/listening on/);
    const relays: Socket[] = [];
    let refused = 0;
    while (refused < 12) {
      const socket = await client(path);
      if (socket === null) refused++;
      else relays.push(socket);
    }
    expect(relays.length).toBeGreaterThan(0);
    expect(relays.length).toBeLessThanOrEqual(PORTS);
    await proxy.logged(/local_limit \(EADDRNOTAVAIL\)/);
    // A window of many checks, all of them without a port.
    await Bun.sleep(1_500);
    let answers = 0;
    for (const socket of relays) {
      socket.once("data", () => answers++);
      socket.write("still?");
    }
    await waitFor(() => answers === relays.length, "relays that run go on");
    for (const socket of relays.splice(1)) socket.destroy();
    let next: Socket | null = null;
    for (let left = 200; next === null && left > 0; left--) {
      next = await client(path);
      if (next === null) await Bun.sleep(50);
    }
    // Not when an ejection is over: there was none.
    expect(next).not.toBeNull();
    const { err } = await proxy.stop("SIGKILL");
    expect(err).not.toMatch(/is down|ejected|connect_/);
  });
});

onBothEnginesAtOnce("IPv6 that is switched off", (stage) => {
  const nowhere = "[2001:db8::1]:7000";

  test.skipIf(!isPossible)(
    "is no lack that passes: dials and checks there count as failed",
    async () => {
      const path = join(folder, `v6-${stage.engine}-${stage.workers}.sock`);
      const target = ["-l", `unix:${path}`, "-u", nowhere, "-u", `127.0.0.1:${UPSTREAM}`];
      const dials = [...target, "--stats", "none", "-v"];
      {
        await using proxy = startOn(stage, dials, alone(noIPv6));
        await proxy.logged(/listening on/);
        // Every other one is sent there first.
        for (let left = 4; left > 0; left--) (await client(path))?.destroy();
        await proxy.logged(/connect_unreachable \(ENETUNREACH\)/);
        const { err } = await proxy.stop("SIGKILL");
        expect(err).not.toMatch(/local_limit/);
      }
      await using proxy = startOn(stage, [...dials, "--check", "tcp"], alone(noIPv6));
      await proxy.logged(/2001:db8::1.* is down: a check failed: connect: ENETUNREACH/);
    },
  );
});
