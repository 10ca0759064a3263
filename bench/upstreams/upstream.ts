import { join } from "node:path";
import { type Child, freePort, startChild, waitForPort } from "../measure/child.ts";
import { descriptorLimit } from "../measure/limits.ts";
import { firstLine } from "../proxies/proxy.ts";

/** What proxies relay to. */
export interface Upstream {
  readonly port: number;
  readonly child: Child;
}

/**
 * `embedded` is ringway's own small Redis; `redis` answers requests, and `valkey`, too, which is the Valkey that VALKEY says where it is, or
 * else the same; `sink` takes and checks bulk streams; `iperf3` measures its own.
 */
export type UpstreamKind = "embedded" | "redis" | "valkey" | "sink" | "iperf3";

/** Where valkey-server is, if it is to be measured. */
const valkey = process.env.VALKEY;

/** Whether VALKEY names one. */
export const isValkeyNamed: boolean = valkey !== undefined;

/** What `valkey` is, and its version, in one line. */
export function valkeyVersion(): Promise<string> {
  if (valkey === undefined && missingRedis() !== null) return Promise.resolve("embedded");
  return firstLine([valkey ?? "redis-server", "--version"]);
}

/** Starts an upstream on a free port of 127.0.0.1; it accepts when the promise resolves. */
export async function startUpstream(kind: UpstreamKind): Promise<Upstream> {
  const port = await freePort();
  const child = startChild(commandOf(kind, port));
  await waitForPort(port, child);
  return { port, child };
}

/** What stands in for redis-server, and how to get the real one; null when it is installed. */
export function missingRedis(): string | null {
  if (Bun.which("redis-server") !== null) return null;
  return "ringway's embedded upstream stands in for it; apt install redis-server";
}

function commandOf(kind: UpstreamKind, port: number): string[] {
  switch (kind) {
    case "embedded":
      return bun("embedded.ts", port);
    case "redis":
      return missingRedis() === null ? redis("redis-server", port) : commandOf("embedded", port);
    case "valkey":
      return valkey === undefined ? commandOf("redis", port) : redis(valkey, port);
    case "sink":
      return bun("sink.ts", port);
    case "iperf3":
      return ["iperf3", "-s", "-B", "127.0.0.1", "-p", String(port)];
  }
}

function redis(program: string, port: number): string[] {
  const clients = String(descriptorLimit() - 200);
  return [
    program,
    ...["--port", String(port), "--bind", "127.0.0.1", "--maxclients", clients],
    ...["--save", "", "--appendonly", "no", "--tcp-backlog", "4096"],
  ];
}

function bun(file: string, port: number): string[] {
  return [process.execPath, join(import.meta.dir, file), String(port)];
}
