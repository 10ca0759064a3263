import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { CliProcess } from "../fixtures/cli-process.ts";
import { waitForNoGrowth } from "../fixtures/growth.ts";
import { residentBytes } from "../fixtures/proc.ts";
import { median, waitFor } from "../fixtures/wait.ts";
import { friendlyOpening } from "./openings.ts";
import { onBothEngines, type Stage, startOn } from "./stages.ts";

const LONG = process.env.RINGWAY_HOSTILE;
/** Hostile connections for each stage; `RINGWAY_HOSTILE=2500000` is the long run. */
const COUNT = Number(LONG ?? 6_000);
/** Storms of hostile clients, and as many of friendly ones, in turn. */
const ROUNDS = LONG === undefined ? 3 : 10;
/** Those that come first, after which memory is where it stays. */
const WARM = LONG === undefined ? 3_000 : 60_000;
const WIDTH = LONG === undefined ? 64 : 256;
const MIB = 1024 * 1024;
/** A short run ends before the runtime's heap has found its size: it can only show what is kept for each client. */
const GROWN_MAX = (LONG === undefined ? 48 : 16) * MIB;
const PROGRAM = join(import.meta.dir, "header-storm.ts");

const FLAGS = [
  ...["-l", "127.0.0.1:0", "--stats", "json", "--access-log", "/dev/null"],
  ...["--proxy-protocol", "required", "--proxy-protocol-from", "127.0.0.0/8"],
  ...["--preamble-timeout", "1s", "--deny", "203.0.113.0/24"],
  ...["--max-relays", "1000", "--max-relays-per-client", "100", "--client-rate", "100000"],
];

/** Begins so many connections, hostile or friendly ones. */
async function storm(
  manners: "hostile" | "friendly",
  port: number,
  count: number,
  seed: number,
): Promise<void> {
  const args = [manners, ...[port, count, WIDTH, seed].map(String)];
  const child = Bun.spawn([process.execPath, PROGRAM, ...args], { stdout: "pipe" });
  const { opened } = JSON.parse(await child.stdout.text()) as { opened: number };
  expect(opened).toBeGreaterThan(count * 0.99);
}

/** An honest client, which asks again and again through one relay. */
class Honest {
  private latencies: number[] = [];
  private answered = Promise.withResolvers<void>();

  private constructor(private readonly socket: Bun.Socket<undefined>) {}

  static async connect(port: number): Promise<Honest> {
    let honest: Honest | null = null;
    const socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: () => honest?.answered.resolve(),
        close: () => honest?.answered.reject(new Error("an honest client was let go")),
      },
    });
    honest = new Honest(socket);
    socket.write(friendlyOpening.bytes);
    await honest.answered.promise;
    return honest;
  }

  async ask(): Promise<void> {
    const at = performance.now();
    this.answered = Promise.withResolvers();
    this.socket.write("PING\r\n");
    await this.answered.promise;
    this.latencies.push(performance.now() - at);
  }

  /** Asks until a storm is over. @returns the 99th percentile of its answers' times in milliseconds */
  async askDuring(begun: Promise<void>): Promise<number> {
    let isOver = false;
    const storm = begun.finally(() => {
      isOver = true;
    });
    this.latencies = [];
    while (!isOver) {
      await this.ask();
      await Bun.sleep(1);
    }
    await storm;
    const sorted = this.latencies.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  }

  close(): void {
    this.answered.promise.catch(() => {});
    this.socket.terminate();
  }
}

function descriptors({ child }: CliProcess): number {
  return readdirSync(`/proc/${child.pid}/fd`).length;
}

/** Resident memory swings with the garbage of each thread: its lowest trough after storms tells what is kept. */
async function trough({ child }: CliProcess): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < 10; look++) {
    looks.push(residentBytes(child.pid));
    await Bun.sleep(50);
  }
  return Math.min(...looks);
}

onBothEngines("storms of hostile PROXY headers", (stage: Stage) => {
  test(
    "no worker ends, nothing is kept, who is honest is answered as beside friendly clients",
    async () => {
      await using proxy = startOn(stage, FLAGS);
      const port = await proxy.port();
      await storm("hostile", port, WARM, 1);
      const honest = await Honest.connect(port);
      const openBefore = descriptors(proxy);
      const bytesBefore = await trough(proxy);
      const ratios: number[] = [];
      const troughs: number[] = [];
      // Few rounds beside other tests say little: there are more while they speak against it.
      const isEnough = (rounds: number) =>
        rounds >= 3 * ROUNDS || (rounds >= ROUNDS && median(ratios) < 2);
      for (let round = 0; !isEnough(round); round++) {
        const count = Math.ceil(COUNT / ROUNDS);
        const beside = await honest.askDuring(storm("friendly", port, Math.min(count, 20_000), 0));
        const attacked = await honest.askDuring(storm("hostile", port, count, round + 2));
        ratios.push(attacked / beside);
        troughs.push(await trough(proxy));
      }
      await waitFor(
        () => descriptors(proxy) <= openBefore,
        () => `descriptors are back: ${descriptors(proxy)} of ${openBefore}`,
      );
      // What is kept for each client is there after each of the later storms; garbage is not after every one.
      const grown = Math.min(...troughs.slice(ROUNDS >>> 1)) - bytesBefore;
      if (LONG !== undefined) {
        const { engine, workers } = stage;
        const shown = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
        process.stderr.write(
          `${engine} × ${workers}: ${COUNT} hostile headers, memory +${(grown / MIB).toFixed(1)} MiB, p99 to that beside friendly clients ${shown}\n`,
        );
      }
      if (grown >= GROWN_MAX) {
        // Two heaps may both be at their worst after all of these: what is kept stays after more of them.
        await waitForNoGrowth({
          bytes: () => residentBytes(proxy.child.pid),
          level: bytesBefore,
          bound: GROWN_MAX,
          load: async () => void (await storm("hostile", port, Math.ceil(COUNT / ROUNDS), 1)),
        });
      }
      expect(median(ratios)).toBeLessThan(2);
      honest.close();
      const { out, err } = await proxy.stop();
      const { relays } = JSON.parse(out);
      expect(relays.reasons.worker_failed ?? 0).toBe(0);
      expect(err).not.toContain("defect");
      // Some of them are refused for what they say, and some are let in and served.
      expect(relays.reasons.preamble_invalid).toBeGreaterThan(0);
      expect(relays.reasons.access_denied).toBeGreaterThan(0);
    },
    60_000 + 2 * COUNT,
  );
});
