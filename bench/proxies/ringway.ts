import { existsSync } from "node:fs";
import { join } from "node:path";
import { firstLine, type ProxyAdapter } from "./proxy.ts";

const ROOT = join(import.meta.dir, "../..");
const EXECUTABLE = join(ROOT, "dist/ringway");

/** Another checkout of ringway, such as the commit before a change, to compare with. */
const before = process.env.RINGWAY_BEFORE;

/** That checkout with either engine, if RINGWAY_BEFORE says where it is. */
export const befores: readonly ProxyAdapter[] =
  before === undefined
    ? []
    : (["sockets", "uring"] as const).map((engine) => ({
        ...ringwayWith(`before-${engine}`, ["--engine", engine], before),
        isOurs: false,
      }));

/** ringway from its source, with one of its engines. */
export function ringway(engine: "sockets" | "uring"): ProxyAdapter {
  return ringwayWith(`ringway-${engine}`, ["--engine", engine]);
}

/** The same in Valkey mode. */
export function ringwayValkey(engine: "sockets" | "uring"): ProxyAdapter {
  const flags = ["--mode", "valkey", "--engine", engine];
  return { ...ringwayWith(`ringway-${engine}-valkey`, flags), isMultiplexer: true };
}

/**
 * ringway from its source, with any flags but those that say where it relays.
 *
 * @param root the checkout that it is started from
 */
export function ringwayWith(name: string, flags: readonly string[], root = ROOT): ProxyAdapter {
  const main = join(root, "src/main.ts");
  const program = [process.execPath, main, "--stats", "none", ...flags];
  const command = (...rest: string[]) => [...program, ...rest];
  return {
    name,
    isOurs: true,
    endsTls: true,
    missing: () => whyNot(command("--upstream", "127.0.0.1:1", "--listen", "127.0.0.1:0")),
    version: () => firstLine([process.execPath, main, "--version"]),
    // From source it needs Bun and the source; installed it is one file.
    executables: () => [existsSync(EXECUTABLE) ? EXECUTABLE : process.execPath],
    command: async (listenPort, upstreamPort, _, tls) =>
      command(
        ...["--listen", `127.0.0.1:${listenPort}`, "--upstream", `127.0.0.1:${upstreamPort}`],
        ...(tls === null ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key]),
      ),
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
