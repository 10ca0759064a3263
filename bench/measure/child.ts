import { createServer } from "node:net";
import { processTree } from "./process-tree.ts";

/** A process that this program started. */
export interface Child {
  readonly pid: number;
  /** Why it failed: its exit code and the end of its output; null while it runs. */
  ended(): string | null;
  /** Resolves when it is gone. */
  readonly exited: Promise<unknown>;
  /** Ends it, gently first; resolves when it is gone. */
  stop(): Promise<void>;
}

/** How long a process may take to end before it is killed, and to accept once started. */
const STOP_MS = 3_000;
const START_MS = 10_000;

/**
 * How long the connection stays that asks whether a program accepts. `naive` forgets the upstream's
 * end of a client that leaves before it is connected, and iperf3 would then wait for it for good.
 */
const PROBE_MS = 50;

const running = new Set<ReturnType<typeof Bun.spawn>>();
// However this program ends, nothing that it started outlives it, nor what that started itself.
process.on("exit", () => {
  for (const pid of [...running].flatMap(({ pid }) => processTree(pid))) {
    try {
      process.kill(pid, "SIGTERM");
    } catch {
      // It has ended by itself, as its parent has.
    }
  }
});

/** Starts a program. Its output is kept aside, and shown if it fails. */
export function startChild(command: readonly string[]): Child {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  running.add(child);
  let said = "";
  void collect(child.stderr, (text) => {
    said = (said + text).slice(-2_000);
  });
  void child.exited.then(() => running.delete(child));
  return {
    pid: child.pid,
    exited: child.exited,
    ended: () => {
      if (child.exitCode === null && child.signalCode === null) return null;
      return `${command[0]} ended (${child.exitCode ?? child.signalCode}): ${said.trim()}`;
    },
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await child.exited;
      clearTimeout(timer);
    },
  };
}

/**
 * Runs a program to its end.
 *
 * @returns its exit code, null when a signal ended it, and all that it said on stdout and stderr
 */
export async function runChild(command: readonly string[], timeoutMs: number): Promise<Ran> {
  const options = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
  const child = Bun.spawn([...command], options);
  running.add(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    return { code: child.exitCode, out, err };
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

/** What became of a program that was run to its end. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Waits until something accepts on this port of 127.0.0.1.
 *
 * @throws Error when the child ends first, or nothing accepts in time
 */
export async function waitForPort(port: number, child: Child): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    const ended = child.ended();
    if (ended !== null) throw new Error(ended);
    if (await accepts(port)) return;
    await Bun.sleep(1);
  }
  throw new Error(`nothing accepts on port ${port}`);
}

async function accepts(port: number): Promise<boolean> {
  try {
    const handlers = { data() {}, error() {}, connectError() {} };
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: handlers });
    setTimeout(() => socket.end(), PROBE_MS);
    return true;
  } catch {
    return false;
  }
}

/** A port of 127.0.0.1 that nothing listens on now. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.on("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    server.close(() => resolve(port));
  });
  return promise;
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void) {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}
