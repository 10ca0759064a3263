import { join } from "node:path";
import type { LoadAnswer, LoadMessage, LoadResult, LoadSpec } from "./load.ts";

/** How long a load may take for a command, in addition to the window itself. */
const ANSWER_MS = 30_000;

/** A load in a process of its own, driven from here. One request at a time. */
export class RemoteLoad {
  private child: ReturnType<typeof Bun.spawn>;
  private waiting: PromiseWithResolvers<LoadResult | null> | null = null;

  constructor(private readonly spec: LoadSpec) {
    this.child = this.spawn();
  }

  /** Opens the load's connections to this port of 127.0.0.1. */
  async connect(port: number): Promise<void> {
    await this.ask({ kind: "connect", port });
  }

  /** Lets it work for this long. */
  async run(ms: number): Promise<LoadResult> {
    const result = await this.ask({ kind: "run", ms }, ms);
    if (result === null) throw new Error("the load gave no result");
    return result;
  }

  /** Closes its connections. */
  async close(): Promise<void> {
    await this.ask({ kind: "close" });
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.exited;
  }

  private spawn(): ReturnType<typeof Bun.spawn> {
    const program = join(import.meta.dir, "program.ts");
    return Bun.spawn([process.execPath, program, JSON.stringify(this.spec)], {
      stdio: ["ignore", "ignore", "inherit"],
      ipc: (message: LoadAnswer, child) => {
        if (child !== this.child) return;
        if (message.ok) this.waiting?.resolve(message.result);
        else this.waiting?.reject(new Error(message.message));
      },
      onExit: (child) => {
        if (child === this.child) this.waiting?.reject(new Error("the load process ended"));
      },
    });
  }

  private async ask(message: LoadMessage, ms = 0): Promise<LoadResult | null> {
    const waiting = Promise.withResolvers<LoadResult | null>();
    this.waiting = waiting;
    const timer = setTimeout(() => {
      waiting.reject(new Error(`the load hung: no answer to ${message.kind}`));
      // What hangs in it would also be in the way of the next proxy.
      const hung = this.child;
      this.child = this.spawn();
      hung.kill("SIGKILL");
    }, ms + ANSWER_MS);
    try {
      this.child.send(message);
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
      this.waiting = null;
    }
  }
}
