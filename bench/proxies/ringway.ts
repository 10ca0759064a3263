import { existsSync } from "node:fs";
import { join } from "node:path";
import { firstLine, type ProxyAdapter } from "./proxy.ts";

const ROOT = join(import.meta.dir, "../..");
const EXECUTABLE = join(ROOT, "dist/ringway");

/** ringway from its source, with one of its engines. */
export function ringway(engine: "sockets" | "uring"): ProxyAdapter {
  return ringwayWith(`ringway-${engine}`, ["--engine", engine]);
}

/** ringway from its source, with any flags but those that say where it relays. */
export function ringwayWith(name: string, flags: readonly string[]): ProxyAdapter {
  const program = [process.execPath, join(ROOT, "src/main.ts"), "--stats", "none", ...flags];
  const command = (...rest: string[]) => [...program, ...rest];
  return {
    name,
    isOurs: true,
    missing: () => whyNot(command("--upstream", "127.0.0.1:1", "--listen", "127.0.0.1:0")),
    version: () => firstLine([process.execPath, join(ROOT, "src/main.ts"), "--version"]),
    // From source it is Bun and the source; as it would be installed it is one file.
    executables: () => [existsSync(EXECUTABLE) ? EXECUTABLE : process.execPath],
    command: async (listenPort, upstreamPort) =>
      command("--listen", `127.0.0.1:${listenPort}`, "--upstream", `127.0.0.1:${upstreamPort}`),
  };
}

/** Starts it once and asks whether it says that it listens, or why it does not. */
async function whyNot(command: readonly string[]): Promise<string | null> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of child.stderr) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("listening on")) break;
  }
  const runs = said.includes("listening on");
  child.kill("SIGTERM");
  await child.exited;
  return runs ? null : (said.trim().split("\n").at(-1) ?? "it does not start");
}
