import { readFileSync } from "node:fs";

/** TCP_LISTEN in the table of sockets, see man proc_net(5). */
const LISTEN = "0A";
const LOOK_MS = 5;
const PATIENCE_MS = 5_000;

/**
 * Waits until somebody listens on a TCP port of this machine, without connecting to it: for servers
 * that serve one connection at a time. Elsewhere than on Linux it does not wait.
 *
 * @throws Error when nobody does for 5 s
 */
export async function waitForListener(port: number): Promise<void> {
  if (process.platform !== "linux") return;
  const until = performance.now() + PATIENCE_MS;
  while (!isListenedOn(port)) {
    if (performance.now() > until) throw new Error(`nobody listens on port ${port}`);
    await Bun.sleep(LOOK_MS);
  }
}

function isListenedOn(port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["/proc/net/tcp", "/proc/net/tcp6"].some((table) =>
    readFileSync(table, "utf8")
      .split("\n")
      .some((line) => {
        const [, local = "", , state] = line.trim().split(/\s+/);
        return state === LISTEN && local.endsWith(suffix);
      }),
  );
}
