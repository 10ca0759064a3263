import { processCpuMicros } from "../measure/cpu-clock.ts";
import { type LoadResult, LoadRun } from "./load.ts";
import { setLoad } from "./loads.ts";
import type { Screen } from "./screen.ts";
import { ServerCpu } from "./server-cpu.ts";
import { runShown } from "./shown-run.ts";

/** How clients reach the server. */
export type Way = "direct" | "relayed" | "multiplexed";

/** What one load was like on one way. */
export interface Compared {
  readonly way: Way;
  readonly clients: number;
  readonly result: LoadResult;
  /** The server's CPU for each request, in microseconds; null where that cannot be told. */
  readonly serverMicros: number | null;
}

/** What is compared, and for how long. */
export interface Comparison {
  /** The port of each way, in the order in which they are taken. */
  readonly ports: Readonly<Record<Way, number>>;
  readonly serverPid: number;
  /** How many clients each load has. */
  readonly clients: readonly number[];
  readonly durationMs: number;
  /** How long each way is driven beforehand: a server that is not warm would slow the first one. */
  readonly warmUpMs: number;
}

/** Runs the same SETs on each way in turn, up to the first run that fails. */
export async function compare(
  { ports, serverPid, clients, durationMs, warmUpMs }: Comparison,
  screen: Screen,
  signal: AbortSignal,
): Promise<Compared[]> {
  const ways = Object.entries(ports) as [Way, number][];
  for (const [, port] of ways) {
    const load = setLoad("warm-up", clients[0] ?? 1, warmUpMs);
    // What goes wrong here does so again below.
    await new LoadRun(load).run("127.0.0.1", port, () => {}, signal);
  }
  const compared: Compared[] = [];
  for (const count of clients) {
    for (const [way, port] of ways) {
      const load = setLoad(`SET, ${count} clients, ${way}`, count, durationMs);
      const cpu = new ServerCpu(() => processCpuMicros(serverPid), durationMs);
      const tick = (soFar: LoadResult) => cpu.tick(soFar);
      const result = await runShown(load, port, screen, signal, tick);
      compared.push({ way, clients: count, result, serverMicros: cpu.microsPerRequest });
      if (result.failure !== null) return compared;
    }
  }
  return compared;
}
