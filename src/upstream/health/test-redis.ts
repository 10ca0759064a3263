import { findProgram, startOnFreePort } from "../../../test/clients/programs.ts";
import type { Address, TcpAddress } from "../../base/address.ts";
import { NameError } from "../names/name-error.ts";
import type { CheckOptions } from "./check-options.ts";
import { literals } from "./lookup.ts";
import { type ProbeResult, probe } from "./probe.ts";

/** Where redis-server is, or null where it is not installed. */
export const redisServer = findProgram("redis-server");

/** Options of a check without tight timing. */
export function checkOptions(more: Partial<CheckOptions> = {}): CheckOptions {
  return {
    kind: "tcp",
    intervalMs: 2_000,
    fastIntervalMs: 500,
    timeoutMs: 5_000,
    jitter: 0,
    rise: 2,
    fall: 2,
    address: null,
    proxyProtocol: "off",
    tls: null,
    ...more,
  };
}

/** Checks once; the only known name is localhost. */
export function probeOnce(
  address: Address,
  options: CheckOptions,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  return probe(address, options, (one) => literals(one, hostsOf), signal);
}

async function hostsOf(name: string): Promise<readonly string[]> {
  if (name === "localhost") return ["127.0.0.1"];
  throw new NameError("unknown_host");
}

/** A redis-server for a test. */
export interface TestRedis extends AsyncDisposable {
  readonly address: TcpAddress;
  readonly process: Bun.Subprocess;
}

/** Starts a redis-server that writes nothing to disk. @param more further options */
export async function startRedisServer(...more: string[]): Promise<TestRedis> {
  const command = (port: number) => [
    redisServer as string,
    ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    ...["--repl-diskless-load", "swapdb", "--repl-diskless-sync-delay", "0"],
    ...more,
  ];
  const answers = async (port: number) =>
    (await probeOnce({ kind: "tcp", host: "127.0.0.1", port }, checkOptions())).ok;
  const { child, port } = await startOnFreePort(command, answers);
  return {
    address: { kind: "tcp", host: "127.0.0.1", port },
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
