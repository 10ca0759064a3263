import type { MessagePort } from "node:worker_threads";
import type { Reason } from "../../flow/reason.ts";
import type { Engine, EngineObserver, EngineStats, RelaySummary } from "../engine.ts";
import type { Summary } from "../summary.ts";
import type { News, Question } from "./messages.ts";
import { type RecordBatch, Records } from "./records.ts";
import { stackOf } from "./stack.ts";

/** Relays that ended are told together, so often. */
const TELL_MS = 20;

/** What a worker tells the control plane; relays that ended are gathered first. */
export class Teller implements EngineObserver {
  private readonly ended = new Records();
  private toldAt = 0;
  private readonly answers: Int32Array;

  /** @param answers see {@link WorkerBirth} */
  constructor(
    private readonly port: MessagePort,
    answers: SharedArrayBuffer,
  ) {
    this.answers = new Int32Array(answers);
  }

  relayEnded(relay: RelaySummary): void {
    this.ended.add(relay as Summary);
  }
  dialFailed(upstream: string, reason: Reason, detail: string): void {
    this.tell({ kind: "dialFailed", upstream, reason, detail });
  }
  poolGrew(bytes: number): void {
    this.tell({ kind: "poolGrew", bytes });
  }
  poolEmpty(): void {
    this.tell({ kind: "poolEmpty" });
  }
  poolRefilled(): void {
    this.tell({ kind: "poolRefilled" });
  }
  acceptPaused(cause: "descriptors" | "memory", relays: number): void {
    this.tell({ kind: "acceptPaused", cause, relays });
  }
  acceptResumed(): void {
    this.tell({ kind: "acceptResumed" });
  }

  tell(news: News): void {
    this.port.postMessage(news);
  }

  /** Answers what was asked of an engine; what has happened before is told before. */
  answer({ kind }: Question, engine: Pick<Engine, Question["kind"]>): void {
    this.flush();
    if (kind === "stats") this.tell({ kind, stats: engine.stats() });
    else this.tell({ kind, batch: batchOf(engine.relays()) });
    Atomics.add(this.answers, 0, 1);
    Atomics.notify(this.answers, 0);
  }

  /** A defect was met, and everything is let go. */
  failed(error: unknown, stats: EngineStats | null): void {
    this.flush();
    this.tell({ kind: "failed", error: stackOf(error), stats });
  }

  /** Tells of the relays that ended, if it is time. @returns microseconds until it is */
  flushWhenDue(): number {
    if (this.ended.count === 0) return Infinity;
    const left = this.toldAt + TELL_MS - performance.now();
    if (left > 0) return left * 1e3;
    this.flush();
    return Infinity;
  }

  /** Tells of the relays that ended. */
  flush(): void {
    if (this.ended.count === 0) return;
    const batch = this.ended.take();
    this.port.postMessage({ kind: "ended", batch } satisfies News, [
      batch.numbers.buffer,
      batch.clients.buffer,
    ]);
    this.toldAt = performance.now();
  }
}

/** The stories of relays that run, to be sent. */
function batchOf(relays: readonly RelaySummary[]): RecordBatch {
  const records = new Records();
  for (const relay of relays) records.add(relay as Summary);
  return records.take();
}
