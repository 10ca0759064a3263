import { readdirSync } from "node:fs";
import type { EngineName } from "../../../src/config/options.ts";
import { CliProcess, SOURCE } from "../../fixtures/cli-process.ts";
import { residentBytes } from "../../fixtures/proc.ts";
import { waitFor, waitForStandstill } from "../../fixtures/wait.ts";

/** What an idle proxy takes and gives back as it looks at its limits and waiters, in bytes. */
const TO_AND_FRO = 512 * 1024;

/** `bun src/main.ts` in a process of its own, so that what is measured is the proxy alone. */
export class MeasuredProxy implements AsyncDisposable {
  private constructor(
    private readonly process: CliProcess,
    readonly port: number,
  ) {}

  /** Starts it in front of an upstream on this port of 127.0.0.1. */
  static async start(engine: EngineName, upstreamPort: number): Promise<MeasuredProxy> {
    const upstream = `127.0.0.1:${upstreamPort}`;
    const flags = ["-e", engine, "-l", "127.0.0.1:0", "-u", upstream, "--stats", "none"];
    const process = new CliProcess(flags, [], SOURCE);
    try {
      return new MeasuredProxy(process, await process.port());
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  residentBytes(): number {
    return residentBytes(this.process.child.pid);
  }

  descriptorCount(): number {
    return readdirSync(`/proc/${this.process.child.pid}/fd`).length;
  }

  /** Waits until its memory has stood still for so long. @returns how much that is */
  async quietBytes(quietMs: number): Promise<number> {
    const bytes = () => this.residentBytes();
    return await waitForStandstill(bytes, "resident memory", quietMs, 30_000, TO_AND_FRO);
  }

  /** Waits until all relays are gone. */
  async released(descriptorCount: number): Promise<void> {
    await waitFor(
      () => this.descriptorCount() === descriptorCount,
      () => `${descriptorCount} descriptors are open, now ${this.descriptorCount()}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}
