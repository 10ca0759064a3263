import { receiveMessageOnPort, workerData } from "node:worker_threads";
import type { Address } from "../../config/options.ts";
import { otherEnd, unsentBytes } from "../libc.ts";
import {
  acceptNow,
  closeNow,
  endSending,
  SocketOption,
  setNonBlocking,
  setOption,
} from "../linux.ts";
import { SOCKADDR_IP_SIZE } from "../sockaddr.ts";
import type { Summary } from "../summary.ts";
import type { Sockets } from "./kernel.ts";
import { Loop, type Report } from "./loop.ts";
import type { Command, News, WorkerBirth } from "./messages.ts";
import { Queue } from "./queue.ts";
import { type RecordBatch, Records } from "./records.ts";
import { ringFlags } from "./ring-flags.ts";

// A worker's thread: it runs the loop until it is told to end, and talks with the control plane.

const birth = workerData as WorkerBirth;
const { port, uring } = birth;
const answers = new Int32Array(birth.answers);

/** Relays that started or ended are told together, so often. */
const TELL_MS = 5;

const sockets: Sockets = {
  otherAddress(descriptor) {
    const address = new Uint8Array(SOCKADDR_IP_SIZE);
    return otherEnd(descriptor, address) ? address : null;
  },
  endSending,
  resetOnClose: (descriptor) => setOption(descriptor, SocketOption.linger, 1, 0),
  unsentBytes,
  stopWaiting: setNonBlocking,
  acceptNow,
  closeNow,
};

class Reporter implements Report {
  private readonly started = new Records();
  private readonly ended = new Records();
  private toldAt = 0;
  private readonly lookups = new Map<number, (addresses: readonly Address[]) => void>();
  private token = 0;
  loop: Loop | null = null;
  /** The loop looks for it at each acceptance. */
  readonly relayStarted?: (relay: Summary) => void;

  constructor(tellsStarts: boolean) {
    if (tellsStarts) this.relayStarted = (relay) => this.started.add(relay);
  }

  relayEnded(relay: Summary): void {
    this.ended.add(relay);
  }
  dialFailed(upstream: string, reason: never, detail: string): void {
    tell({ kind: "dialFailed", upstream, reason, detail });
  }
  poolGrew(bytes: number): void {
    tell({ kind: "poolGrew", bytes });
  }
  poolEmpty(): void {
    tell({ kind: "poolEmpty" });
  }
  poolRefilled(): void {
    tell({ kind: "poolRefilled" });
  }
  acceptPaused(cause: "descriptors" | "memory", relays: number): void {
    tell({ kind: "acceptPaused", cause, relays });
  }
  acceptResumed(): void {
    tell({ kind: "acceptResumed" });
  }
  resolve(host: string, port: number, answer: (addresses: readonly Address[]) => void): void {
    const token = ++this.token;
    this.lookups.set(token, answer);
    tell({ kind: "resolve", token, host, port });
  }
  stopped(): void {
    this.flush();
    tell({ kind: "stopped" });
  }
  tidy(): void {
    Bun.gc(true);
  }
  turnEnded(): number {
    if (this.ended.count + this.started.count === 0) return Infinity;
    const left = this.toldAt + TELL_MS - performance.now();
    if (left > 0) return left * 1e3;
    this.flush();
    return Infinity;
  }
  woken(): void {
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) return;
      this.obey(received.message as Command);
    }
  }

  private flush(): void {
    if (this.ended.count + this.started.count === 0) return;
    // In this order: a relay may have started and ended in between.
    this.send("started", this.started);
    this.send("ended", this.ended);
    this.toldAt = performance.now();
  }

  private send(kind: "started" | "ended", records: Records): void {
    if (records.count === 0) return;
    const batch = records.take();
    const handedOver = [batch.numbers.buffer, batch.clients.buffer];
    port.postMessage({ kind, batch } satisfies News, handedOver);
  }

  private obey(command: Command): void {
    const loop = this.loop as Loop;
    switch (command.kind) {
      case "listen":
        loop.listen(command.options, command.descriptor);
        return;
      case "stop":
        loop.stop(command.drainTimeoutMs);
        return;
      case "resolved": {
        const answer = this.lookups.get(command.token);
        this.lookups.delete(command.token);
        answer?.(command.addresses);
        return;
      }
      case "stats":
        this.answer({ kind: "stats", stats: loop.stats() });
        return;
      case "relays":
        this.answer({ kind: "relays", batch: batchOf(loop.relays()) });
        return;
      case "end":
        loop.end();
        return;
    }
  }

  private answer(news: News): void {
    // What has happened before is told before.
    this.flush();
    tell(news);
    Atomics.add(answers, 0, 1);
    Atomics.notify(answers, 0);
  }
}

function batchOf(relays: readonly Summary[]): RecordBatch {
  const records = new Records();
  for (const relay of relays) records.add(relay);
  return records.take();
}

function tell(news: News): void {
  port.postMessage(news);
}

const reporter = new Reporter(birth.tellsStarts);
const queue = new Queue({
  entries: uring.entries,
  completions: Math.max(4096, uring.entries * 4),
  flags: ringFlags(uring),
  pollIdleMs: uring.sqPollIdleMs,
});
queue.registerRing();
if (uring.napi !== "off") queue.registerNapi(uring.napiTimeoutMicros, uring.napi === "prefer");
const loop = new Loop(queue, sockets, { memory: birth.memory, uring }, reporter, birth.wakeFd);
reporter.loop = loop;
tell({ kind: "ready" });
reporter.woken();
loop.run();
loop.close();
port.close();
