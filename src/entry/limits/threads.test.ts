import { describe, expect, test } from "bun:test";
import { ipv4Client } from "../access/test-addresses.ts";
import { ClientCounts } from "./client-counts.ts";
import type { Task } from "./test-worker.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Some day, as Date.now() gives it. */
const DAY = 1_795_520_666_505;

type Given = Omit<Task, "gate" | "board" | "seed" | "nowMs">;

/** Threads that wait at one gate, and their common board. */
class Crew {
  readonly gate = new Int32Array(new SharedArrayBuffer(8));
  readonly board: Int32Array<SharedArrayBuffer>;
  private readonly threads: Worker[] = [];
  private readonly ready: Promise<void>[] = [];

  constructor(clients: number) {
    this.board = new Int32Array(new SharedArrayBuffer(4 * (clients + 1)));
  }

  /** @returns the thread, and what resolves when it has done its task */
  add(given: Given): { thread: Worker; done: Promise<void> } {
    const thread = new Worker(new URL("./test-worker.ts", import.meta.url).href);
    this.threads.push(thread);
    this.ready.push(said(thread, "ready"));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    thread.onerror = (event) => reject(new Error(event.message));
    thread.addEventListener("message", ({ data }) => data === "done" && resolve());
    const { gate, board } = this;
    const task: Task = { ...given, gate, board, seed: this.threads.length, nowMs: DAY };
    thread.postMessage(task);
    return { thread, done: promise };
  }

  /** Opens the gate when all threads stand there, so that they are at it at the same time. */
  async open(): Promise<void> {
    await Promise.all(this.ready);
    Atomics.store(this.gate, 0, 1);
    Atomics.notify(this.gate, 0);
  }

  async end(): Promise<void> {
    await Promise.all(this.threads.map(ended));
  }
}

/** Ends a thread, wherever it is, and waits until it is no more. */
async function ended(thread: Worker): Promise<void> {
  const closed = new Promise((resolve) => thread.addEventListener("close", resolve));
  thread.terminate();
  await closed;
}

async function said(thread: Worker, what: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  thread.addEventListener("message", ({ data }) => data === what && resolve());
  await promise;
}

describe("two threads that take tokens", () => {
  const steps = 300_000;

  async function tokensOf(clients: number, burst: number, capacity: number, known: boolean) {
    const options = { rate: 1, burst, capacity };
    const mine = new TokenBuckets(options);
    const crew = new Crew(clients);
    const buckets = { ...options, memory: mine.memory };
    for (let client = 0; known && client < clients; client++) {
      if (mine.take(ipv4Client(client), DAY)) Atomics.add(crew.board, client, 1);
    }
    const given: Given = { kind: "take", buckets, clients, steps };
    const threads = [crew.add(given), crew.add(given)];
    await crew.open();
    await Promise.all(threads.map(({ done }) => done));
    await crew.end();
    return crew.board.slice(0, clients);
  }

  test("never give the same one away", async () => {
    const tokens = await tokensOf(4, 10_000, 700, true);
    expect([...tokens]).toEqual([10_000, 10_000, 10_000, 10_000]);
  }, 30_000);

  test("take clients in at once, and each gets its burst, give or take one", async () => {
    const tokens = await tokensOf(2_000, 5, 65_536, false);
    for (const count of tokens) expect(count).toBeWithin(5, 7);
  }, 30_000);

  test("give no more than the buckets hold, to any threads", async () => {
    const tokens = await tokensOf(1_000, 5_000, 7, true);
    expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(7 * 5_000);
  }, 30_000);
});

describe("two threads whose clients come and go", () => {
  const max = 3;
  const clients = 60;

  function countsFor(capacity: number) {
    const options = { max, capacity, workers: 2 };
    const mine = new ClientCounts(options);
    return { mine, options: { ...options, memory: mine.memory } };
  }

  /** As many as one thread has, 49 places and 60 clients: sets overflow, and some find no room. */
  test.each([700, 49])(
    "never let too many in, with room for %i",
    async (capacity) => {
      const { mine, options } = countsFor(capacity);
      const crew = new Crew(clients);
      const given = { kind: "enter", clients, steps: 300_000 } as const;
      const threads = [0, 1].map((worker) =>
        crew.add({ ...given, counts: { ...options, worker } }),
      );
      await crew.open();
      await Promise.all(threads.map(({ done }) => done));
      await crew.end();
      // No client had too many, all have left, and nothing of them remains.
      expect([...crew.board]).toEqual(Array(clients + 1).fill(0));
      const words = new Int32Array(mine.memory).subarray(16);
      for (let line = 0; line < words.length; line += 16) {
        expect(words.subarray(line + 7, line + 15).some((word) => word !== 0)).toBe(false);
      }
    },
    30_000,
  );

  test("the counts of one of them are taken back when it dies", async () => {
    const { mine, options } = countsFor(700);
    const crew = new Crew(clients);
    const given = { kind: "enterUntilEnded", clients, steps: 0 } as const;
    const one = crew.add({ ...given, counts: { ...options, worker: 0 } });
    const other = crew.add({
      ...given,
      kind: "enter",
      steps: 300_000,
      counts: { ...options, worker: 1 },
    });
    await crew.open();
    await other.done;
    await said(one.thread, "ready");
    await ended(one.thread);
    const relays = () => {
      let sum = 0;
      for (let client = 0; client < clients; client++) sum += mine.countOf(ipv4Client(client));
      return sum;
    };
    // The thread had some in all likelihood; to be sure, one more is there in its name.
    const late = new ClientCounts({ ...options, worker: 0, max: 1_000 });
    expect(late.tryEnter(ipv4Client(0))).toBe(true);
    expect(relays()).toBeGreaterThan(0);
    mine.takeBack(0);
    expect(relays()).toBe(0);
    // Its successor begins from nothing.
    const successor = new ClientCounts({ ...options, worker: 0 });
    const client = ipv4Client(0);
    expect([1, 2, 3, 4].map(() => successor.tryEnter(client))).toEqual([true, true, true, false]);
    await ended(other.thread);
  }, 30_000);
});
