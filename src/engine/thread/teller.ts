import type { MessagePort } from "node:worker_threads";
import type { Address } from "../../config/options.ts";
import type { RouteAnswer } from "../../edge/route/answer.ts";
import type { Reason } from "../../flow/reason.ts";
import type { Engine, EngineObserver, RelaySummary } from "../engine.ts";
import type { MirrorDrop } from "../mirror/reason.ts";
import type { ResolveName } from "../names.ts";
import type { AskRoute } from "../route-desk.ts";
import type { Summary } from "../summary.ts";
import type { News, WorkerBirth } from "./messages.ts";
import { type RecordBatch, Records } from "./records.ts";
import { stackOf } from "./stack.ts";

/** Relays that started or ended are told together, so often. */
const TELL_MS = 20;

/** What a worker tells the control plane; relays that started or ended are gathered first. */
export class Teller implements EngineObserver {
  /** The engine looks for it at each acceptance. */
  readonly relayStarted?: (relay: RelaySummary) => void;
  private readonly started = new Records();
  private readonly ended = new Records();
  private toldAt = 0;
  /** Who waits for the addresses of a name. */
  private readonly lookups = new Map<number, (addresses: readonly Address[]) => void>();
  /** Who waits for what a route function says. */
  private readonly questions = new Map<number, (answer: RouteAnswer) => void>();
  private lastToken = 0;
  private readonly port: MessagePort;
  private readonly answers: Int32Array;

  constructor({ port, answers, tellsStarts }: WorkerBirth) {
    this.port = port;
    this.answers = new Int32Array(answers);
    if (tellsStarts) this.relayStarted = (relay) => this.gather(this.started, relay);
  }

  relayEnded(relay: RelaySummary): void {
    this.gather(this.ended, relay);
  }
  dialFailed(upstream: string, reason: Reason, detail: string, slot: number): void {
    this.tell({ kind: "dialFailed", upstream, reason, detail, slot });
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
  routeFailed(listener: string, why: string): void {
    this.tell({ kind: "routeFailed", listener, why });
  }

  mirrorDropped(drop: MirrorDrop): void {
    this.tell({ kind: "mirrorDropped", drop });
  }

  /** Functions are the control plane's: it is asked by their numbers. */
  readonly askRoute: AskRoute = ({ hook, connection, until }, answer) => {
    const token = ++this.lastToken;
    this.questions.set(token, answer);
    const { client, local, header } = connection;
    this.tell({
      kind: "route",
      token,
      hook: Number(hook),
      caller: { client, local, header },
      until,
    });
    return () => this.questions.delete(token);
  };

  /** Names are the control plane's, too. */
  readonly resolve: ResolveName = (host, port, slot, answer) => {
    const token = ++this.lastToken;
    this.lookups.set(token, answer);
    this.tell({ kind: "resolve", token, host, port, slot });
  };

  /** The control plane has the addresses of a name. */
  resolved(token: number, addresses: readonly Address[]): void {
    const answer = this.lookups.get(token);
    this.lookups.delete(token);
    answer?.(addresses);
  }

  /** The control plane has an answer to a question, perhaps too late. */
  routed(token: number, answer: RouteAnswer): void {
    this.questions.get(token)?.(answer);
  }

  tell(news: News): void {
    this.port.postMessage(news);
  }

  /** Answers which relays an engine has; what has happened before is told before. */
  answer(engine: Pick<Engine, "relays">): void {
    this.flush();
    this.tell({ kind: "relays", batch: batchOf(engine.relays()) });
    this.answered();
  }

  /** A defect was met, and everything is let go. */
  failed(error: unknown): void {
    this.flush();
    this.tell({ kind: "failed", error: stackOf(error) });
    // Somebody may just have asked.
    this.answered();
  }

  /** Tells of the relays that started or ended, if it is time. @returns microseconds until it is */
  flushWhenDue(): number {
    if (this.started.count + this.ended.count === 0) return Infinity;
    const left = this.toldAt + TELL_MS - performance.now();
    if (left > 0) return left * 1e3;
    this.flush();
    return Infinity;
  }

  /** Tells of the relays that started or ended. */
  flush(): void {
    if (this.started.count + this.ended.count === 0) return;
    // In this order: a relay may have started and ended in between.
    this.send("started", this.started);
    this.send("ended", this.ended);
    this.toldAt = performance.now();
  }

  /** There is something to tell. */
  protected gathered(): void {}

  private answered(): void {
    Atomics.add(this.answers, 0, 1);
    Atomics.notify(this.answers, 0);
  }

  private gather(records: Records, relay: RelaySummary): void {
    records.add(relay as Summary);
    this.gathered();
  }

  private send(kind: "started" | "ended", records: Records): void {
    if (records.count === 0) return;
    const batch = records.take();
    const handedOver = [batch.numbers.buffer, batch.clients.buffer];
    this.port.postMessage({ kind, batch } satisfies News, handedOver);
  }
}

/** The stories of relays that run, to be sent. */
function batchOf(relays: readonly RelaySummary[]): RecordBatch {
  const records = new Records();
  for (const relay of relays) records.add(relay as Summary);
  return records.take();
}
