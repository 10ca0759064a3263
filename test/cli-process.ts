import { resolve } from "node:path";
import type { Subprocess } from "bun";

/** The entry of the program, whatever folder a test runs in. */
export const MAIN = resolve(import.meta.dir, "../src/main.ts");

/** The same where io_uring_setup fails with EPERM (Linux). */
export const WITHOUT_URING: readonly string[] = [
  resolve(import.meta.dir, "fixtures/without-uring.ts"),
  "1",
];

/** What a finished run left behind. */
export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `bun src/main.ts` with flags, as a person would start it, in a process of its own. */
export class CliProcess implements AsyncDisposable {
  readonly child: Subprocess<"ignore", "pipe", "pipe">;
  private err = "";
  private errEnded = false;
  private errChanged = Promise.withResolvers<void>();
  private readonly errRead: Promise<void>;
  private readonly out: Promise<string>;

  /**
   * @param args the flags
   * @param before a command to start it with, such as setpriv
   * @param entry what Bun is to run
   */
  constructor(
    args: readonly string[],
    before: readonly string[] = [],
    entry: readonly string[] = [MAIN],
  ) {
    this.child = Bun.spawn([...before, process.execPath, ...entry, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.out = this.child.stdout.text();
    this.errRead = this.readErr();
  }

  /** Waits until stderr has what the pattern matches. @throws when it ends without */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.err);
      if (match !== null) return match;
      if (this.errEnded) throw new Error(`ended without ${pattern}:\n${this.err}`);
      await this.errChanged.promise;
    }
  }

  /** Waits until stderr has so many of what the pattern, a global one, matches. */
  async loggedTimes(pattern: RegExp, count: number): Promise<void> {
    while ((this.err.match(pattern)?.length ?? 0) < count) {
      if (this.errEnded) throw new Error(`ended without ${count} × ${pattern}:\n${this.err}`);
      await this.errChanged.promise;
    }
  }

  /** Waits until it accepts. @returns the port of the first listener */
  async port(): Promise<number> {
    const match = await this.logged(/listening on \S+:(\d+)/);
    return Number(match[1]);
  }

  /** Waits for its end. */
  async finished(): Promise<Finished> {
    const [code, out] = await Promise.all([this.child.exited, this.out, this.errRead]);
    return { code, out, err: this.err };
  }

  /** Signals it and waits for its end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Finished> {
    this.child.kill(signal);
    return await this.finished();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  private async readErr(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stderr) {
      this.err += decoder.decode(chunk, { stream: true });
      this.notify();
    }
    this.errEnded = true;
    this.notify();
  }

  private notify(): void {
    const { resolve } = this.errChanged;
    this.errChanged = Promise.withResolvers();
    resolve();
  }
}

/** Runs the program to its end. */
export async function runCli(...args: string[]): Promise<Finished> {
  return await new CliProcess(args).finished();
}
