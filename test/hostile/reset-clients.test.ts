import { expect, test } from "bun:test";
import { connect } from "node:net";
import { formatAddress } from "../../src/base/address.ts";
import type { CliProcess } from "../fixtures/cli-process.ts";
import { isHalted } from "../fixtures/proc.ts";
import { sink, Upstream } from "../fixtures/upstream.ts";
import { inParallel, waitFor } from "../fixtures/wait.ts";
import { RedisProcess } from "../scenarios/failover/redis-process.ts";
import { onBothEngines, startOn } from "./stages.ts";

// A client that has reset before it is accepted has no address any more: getpeername(2) fails.

const CLIENTS = 150;
const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** Connects, says something, and resets before the proxy, which is halted, can accept it. */
function resetting(port: number, localAddress: string, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    socket.once("error", reject);
    socket.once("connect", () => socket.write(words, () => socket.resetAndDestroy()));
    socket.once("close", () => resolve());
  });
}

/** While the proxy is halted clients come and reset; then it goes on. */
async function whileHalted({ child }: CliProcess, clients: () => Promise<void>): Promise<void> {
  child.kill("SIGSTOP");
  await waitFor(() => isHalted(child.pid), "it is halted");
  await clients();
  child.kill("SIGCONT");
}

/** All of them while the proxy is halted; then it goes on and is stopped. @returns its reasons */
async function attack(proxy: CliProcess, words: string): Promise<Record<string, number>> {
  const port = await proxy.port();
  await whileHalted(proxy, () =>
    inParallel(CLIENTS, 50, (index) => resetting(port, `127.0.0.${2 + (index % 5)}`, words)),
  );
  const { out, err, code } = await proxy.stop();
  expect(code).toBe(0);
  expect(err).not.toContain("unix");
  const { relays } = JSON.parse(out);
  expect(relays.accepted).toBe(CLIENTS);
  return relays.reasons;
}

const rules: readonly (readonly string[])[] = [
  [],
  ["--allow", "10.0.0.0/8"],
  ["--deny", "127.0.0.0/8"],
  ["--client-rate", "0.001", "--client-burst", "1"],
  ["--max-relays-per-client", "1"],
  ["--deny", "127.0.0.0/8", "--refuse", "1h"],
  ["--proxy-protocol", "required"],
  ["--proxy-protocol", "optional", "--proxy-protocol-from", "10.0.0.0/8"],
  ["--send-proxy-protocol", "v2"],
  ["--mode", "oneway", "--balance", "hash"],
];

onBothEngines("clients that have reset", (stage) => {
  test.each(rules.map((flags) => [flags.join(" ") || "no rule", flags] as const))(
    "%s: they are refused, and not a byte of them reaches the upstream",
    async (_name, flags) => {
      const upstream = Upstream.listen(LOOPBACK, sink);
      try {
        const args = ["-l", "127.0.0.1:0", "-u", formatAddress(upstream.address)];
        await using proxy = startOn(stage, [...args, "--stats", "json", ...flags]);
        expect(await attack(proxy, "x".repeat(20_000))).toEqual({ client_reset: CLIENTS });
        expect(upstream.ends).toHaveLength(0);
      } finally {
        upstream.close();
      }
    },
  );

  test("a denied one takes nothing from a real store", async () => {
    await using redis = await RedisProcess.start();
    await Bun.$`redis-cli -p ${redis.port} set precious here`.quiet();
    await using proxy = startOn(stage, [
      ...["-l", "127.0.0.1:0", "-u", redis.name, "--allow", "10.0.0.0/8", "--stats", "json"],
    ]);
    const words = `DEL precious\r\n${"PING\r\n".repeat(3_000)}`;
    expect(await attack(proxy, words)).toEqual({ client_reset: CLIENTS });
    expect(await Bun.$`redis-cli -p ${redis.port} get precious`.text()).toBe("here\n");
  });

  test("the access log does not call them unix", async () => {
    const upstream = Upstream.listen(LOOPBACK, sink);
    try {
      const args = ["-l", "127.0.0.1:0", "-u", formatAddress(upstream.address)];
      await using proxy = startOn(stage, [...args, "--access-log", "stdout"]);
      const port = await proxy.port();
      await whileHalted(proxy, () => resetting(port, "127.0.0.9", "hello"));
      const { out } = await proxy.stop();
      const line = JSON.parse(out.split("\n")[0] ?? "");
      expect(line).toMatchObject({ client: "unknown", reason: "client_reset", tries: 0 });
    } finally {
      upstream.close();
    }
  });
});
