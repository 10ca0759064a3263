import { type Load, type LoadResult, LoadRun } from "./load.ts";
import type { Screen } from "./screen.ts";

/**
 * Runs a load against a port of 127.0.0.1 and shows its progress.
 *
 * @param onTick also called some times a second
 * @throws what {@link LoadRun.run} throws
 */
export async function runShown(
  load: Load,
  port: number,
  screen: Screen,
  signal: AbortSignal,
  onTick: (soFar: LoadResult) => void = () => {},
): Promise<LoadResult> {
  screen.begin(load);
  const tick = (soFar: LoadResult) => {
    screen.tick(soFar);
    onTick(soFar);
  };
  try {
    const result = await new LoadRun(load).run("127.0.0.1", port, tick, signal);
    screen.tick(result);
    return result;
  } finally {
    screen.end();
  }
}
