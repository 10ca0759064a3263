/**
 * Where a program is that a test wants, or null when this machine does not have it: the test then
 * does with less and says so. Where tests are to be complete, with CI set, that is a failure.
 *
 * @throws Error when it is missing and CI is set
 */
export function findProgram(name: string): string | null {
  const path = Bun.which(name);
  if (path !== null) return path;
  if (isCi()) throw new Error(`CI is set and ${name} is not installed`);
  process.stderr.write(`${name} is not installed: the tests use what is built in instead\n`);
  return null;
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that cannot pick one. */
export function freePort(): number {
  using listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  return listener.port;
}

/**
 * Starts a program that wants to be told its port, on a free one. Somebody may take that port in
 * between; then the program ends at once, and the next port is tried.
 *
 * @param command the command for a port
 * @param answers whether it works on that port yet
 */
export async function startOnFreePort(
  command: (port: number) => readonly string[],
  answers: (port: number) => Promise<boolean>,
): Promise<{ child: Bun.Subprocess<"ignore", "ignore", "pipe">; port: number }> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = freePort();
    const child = await startOnPort(command(port), port, answers);
    if (child !== null) return { child, port };
  }
  throw new Error(`cannot start ${command(0)[0]}`);
}

/** Starts a program and waits until it works. @returns null when it ends instead */
export async function startOnPort(
  command: readonly string[],
  port: number,
  answers: (port: number) => Promise<boolean>,
): Promise<Bun.Subprocess<"ignore", "ignore", "pipe"> | null> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const deadline = performance.now() + 10_000;
  while (child.exitCode === null && child.signalCode === null) {
    if (await answers(port)) return child;
    if (performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${command[0]} does not answer on port ${port}`);
    }
    await Bun.sleep(10);
  }
  return null;
}

function isCi(): boolean {
  const value = process.env.CI ?? "";
  return value !== "" && value !== "0" && value !== "false";
}

/** Runs a program to its end, which is enforced after a minute. */
export async function runProgram(
  command: readonly string[],
  cwd = process.cwd(),
): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([...command], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, out, err };
}
