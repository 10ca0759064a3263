import { resolve } from "node:path";
import type { Subprocess } from "bun";
import { sharedExecutable } from "./fixtures/shared-executable.ts";

/** The entry of the program, whatever folder a test runs in. */
export const MAIN = resolve(import.meta.dir, "../src/main.ts");

/** The program from its source, as `npm run proxy` and an installed package start it. */
export const SOURCE: readonly string[] = [process.execPath, MAIN];

/** The program as most tests start it, which says and does the same as {@link SOURCE} and starts sooner. */
export const PROGRAM: readonly string[] = [await sharedExecutable()];

/** The same where io_uring_setup fails with EPERM (Linux). */
export const WITHOUT_URING: readonly string[] = [
  process.execPath,
  resolve(import.meta.dir, "fixtures/without-uring.ts"),
  "1",
];

/** What a finished run left behind. */
export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The program with flags, as a person would start it, in a process of its own. */
export class CliProcess implements AsyncDisposable {
  readonly child: Subprocess<"ignore", "pipe", "pipe">;
  private err = "";
  private errEnded = false;
  private errChanged = Promise.withResolvers<void>();
  /** By pattern: how often it was found, up to where. */
  private readonly found = new Map<string, { count: number; upTo: number }>();
  private readonly errRead: Promise<void>;
  private readonly out: Promise<string>;

  /**
   * @param args the flags
   * @param before a command to start it with, such as setpriv
   * @param program what is started
   */
  constructor(
    args: readonly string[],
    before: readonly string[] = [],
    program: readonly string[] = PROGRAM,
  ) {
    this.child = Bun.spawn([...before, ...program, ...args], {
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
    while (this.timesOf(pattern) < count) {
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

  /** Looks on from the last match: logs are long where somebody counts. */
  private timesOf(pattern: RegExp): number {
    const found = this.found.get(pattern.source) ?? { count: 0, upTo: 0 };
    this.found.set(pattern.source, found);
    pattern.lastIndex = found.upTo;
    while (pattern.exec(this.err) !== null) {
      found.count++;
      found.upTo = pattern.lastIndex;
    }
    return found.count;
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
