import { join } from "node:path";
import { type Child, freePort, startChild, waitForPort } from "../measure/child.ts";
import { descriptorLimit } from "../measure/limits.ts";

/** What proxies relay to. */
export interface Upstream {
  readonly port: number;
  readonly child: Child;
}

/** `redis` answers requests; `sink` takes and checks bulk streams; `iperf3` measures its own. */
export type UpstreamKind = "redis" | "sink" | "iperf3";

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
    case "redis":
      return redis(port);
    case "sink":
      return bun("sink.ts", port);
    case "iperf3":
      return ["iperf3", "-s", "-B", "127.0.0.1", "-p", String(port)];
  }
}

function redis(port: number): string[] {
  if (missingRedis() !== null) return bun("embedded.ts", port);
  const clients = String(descriptorLimit() - 200);
  return [
    "redis-server",
    ...["--port", String(port), "--bind", "127.0.0.1", "--maxclients", clients],
    ...["--save", "", "--appendonly", "no", "--tcp-backlog", "4096"],
  ];
}

function bun(file: string, port: number): string[] {
  return [process.execPath, join(import.meta.dir, file), String(port)];
}
