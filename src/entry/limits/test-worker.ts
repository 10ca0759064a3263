import type { ClientAddress } from "../access/client-address.ts";
import { ipv4Client } from "../access/test-addresses.ts";
import { ClientCounts, type ClientCountsOptions } from "./client-counts.ts";
import { TokenBuckets, type TokenBucketsOptions } from "./token-buckets.ts";

/** What a thread of threads.test.ts does, once the gate opens. */
export interface Task {
  readonly kind: "take" | "enter" | "enterUntilEnded";
  readonly buckets?: TokenBucketsOptions;
  readonly counts?: ClientCountsOptions;
  readonly nowMs: number;
  readonly clients: number;
  readonly steps: number;
  readonly seed: number;
  /** 0 until all threads may begin. */
  readonly gate: Int32Array<SharedArrayBuffer>;
  /** Tokens or relays of each client; behind them how often one had too many. */
  readonly board: Int32Array<SharedArrayBuffer>;
}

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<Task>) => {
  const { kind, gate } = data;
  const random = randomFrom(data.seed);
  if (kind === "take") {
    const buckets = new TokenBuckets(data.buckets as TokenBucketsOptions);
    self.postMessage("ready");
    Atomics.wait(gate, 0, 0);
    take(buckets, data, random);
    self.postMessage("done");
    return;
  }
  const visits = new Visits(new ClientCounts(data.counts as ClientCountsOptions), data, random);
  self.postMessage("ready");
  Atomics.wait(gate, 0, 0);
  for (let step = 0; kind === "enterUntilEnded" || step < data.steps; step++) {
    visits.step();
    // Workers that run without end yield the CPU to others.
    if (kind === "enterUntilEnded" && step % 2_000 === 0) {
      self.postMessage("ready");
      Atomics.wait(gate, 1, 0, 1);
    }
  }
  visits.end();
  self.postMessage("done");
};

function take(buckets: TokenBuckets, task: Task, random: () => number): void {
  const clients = Array.from({ length: task.clients }, (_, client) => ipv4Client(client));
  for (let step = 0; step < task.steps; step++) {
    const client = Math.floor(random() * task.clients);
    if (buckets.take(clients[client] as ClientAddress, task.nowMs))
      Atomics.add(task.board, client, 1);
  }
}

/** Clients that come and go, watched: what the board says is never more than what is counted. */
class Visits {
  private readonly clients: Uint8Array[];
  private readonly held: number[] = [];

  constructor(
    private readonly counts: ClientCounts,
    private readonly task: Task,
    private readonly random: () => number,
  ) {
    this.clients = Array.from({ length: task.clients }, (_, client) => ipv4Client(client));
  }

  step(): void {
    const { counts, random } = this;
    const { board, clients } = this.task;
    if (this.held.length > 0 && random() < 0.5) {
      this.leave(Math.floor(random() * this.held.length));
      return;
    }
    const client = Math.floor(random() * clients);
    if (!counts.tryEnter(this.clients[client] as ClientAddress)) return;
    this.held.push(client);
    if (Atomics.add(board, client, 1) >= counts.max) Atomics.add(board, clients, 1);
  }

  end(): void {
    while (this.held.length > 0) this.leave(0);
  }

  private leave(index: number): void {
    const [client = 0] = this.held.splice(index, 1);
    Atomics.sub(this.task.board, client, 1);
    this.counts.leave(this.clients[client] as ClientAddress);
  }
}

/** Numbers from 0 to below 1 that are the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
