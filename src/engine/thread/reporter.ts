import type { MessagePort } from "node:worker_threads";
import type { Address } from "../../base/address.ts";
import { cleanUp } from "../../base/clean-up.ts";
import { systemClock } from "../../base/clock.ts";
import { defectText, stackOf } from "../../base/stack.ts";
import type { RouteAnswer } from "../../entry/route/answer.ts";
import type { EventOf, ProxyEvent } from "../../relay/events.ts";
import type { Summary } from "../../relay/ledger/summary.ts";
import type { Observer } from "../../relay/observer.ts";
import type { AskRoute } from "../../relay/route-questions.ts";
import type { DialRefusal, ResolveName } from "../../upstream/names/ask.ts";
import {
  type GatheredName,
  gatheredNames,
  type News,
  type Question,
  type WorkerBirth,
} from "./messages.ts";
import { type RecordBatch, Records } from "./records.ts";

/** Relays that started or ended are sent together at this interval. */
const TELL_MS = 20;

/** The part of an engine that answers questions of the control plane. */
export interface Answering {
  running(): Summary[];
  readonly accepting: { readonly listeners: number; readonly isPaused: boolean };
}

/**
 * Sends a worker's events and questions to the control plane. Relays that started or ended are
 * gathered first.
 *
 * Its methods may throw. {@link guarded} keeps that from the engine, because relays must not end
 * only because nothing can be reported. But if the worker cannot send what the control plane waits
 * for, such as that a listener accepts, that is a defect of the worker.
 */
export class Reporter implements Observer {
  readonly wantsStarts: boolean;
  private readonly gathering = { relayStarted: new Records(), relayEnded: new Records() };
  /** A failure to report was itself reported. */
  private isUntold = false;
  private toldAt = 0;
  /** Callbacks for the addresses of names. */
  private readonly lookups = new Map<number, Parameters<ResolveName>[2]>();
  /** Callbacks for the answers of route functions. */
  private readonly questions = new Map<number, (answer: RouteAnswer) => void>();
  private lastToken = 0;
  private readonly port: MessagePort;

  constructor({ port, wantsStarts }: WorkerBirth) {
    this.port = port;
    this.wantsStarts = wantsStarts;
  }

  on(event: ProxyEvent): void {
    if (event.event === "relayStarted" || event.event === "relayEnded") {
      this.gathering[event.event].add(event.relay as Summary);
      this.gathered();
    } else if (event.event === "untold") this.untold(event);
    else this.tell({ kind: "event", event });
  }

  /** Asks a route function, which lives in the control plane's thread, by its number. */
  readonly askRoute: AskRoute = ({ hook, connection, until }, answer) => {
    const token = ++this.lastToken;
    this.questions.set(token, answer);
    const { client, local, header, hello, tls, route } = connection;
    this.tell({
      kind: "route",
      token,
      hook: Number(hook),
      caller: { client, local, header, hello, tls, route },
      until,
    });
    return () => this.questions.delete(token);
  };

  /** Asks the control plane for the addresses of a name. */
  readonly resolve: ResolveName = (address, slot, answer) => {
    const token = ++this.lastToken;
    this.lookups.set(token, answer);
    this.tell({ kind: "resolve", token, address, slot });
  };

  resolved(token: number, addresses: readonly Address[], refusal: DialRefusal | null): void {
    const answer = this.lookups.get(token);
    this.lookups.delete(token);
    answer?.(addresses, refusal);
  }

  /** A route function has answered, perhaps too late. */
  routed(token: number, answer: RouteAnswer): void {
    this.questions.get(token)?.(answer);
  }

  /** Sends a message. @throws Error if that fails */
  tell(news: News): void {
    this.port.postMessage(news);
  }

  /** Reports, once, that something could not be reported. */
  private untold(event: EventOf<"untold">): void {
    if (this.isUntold) return;
    this.isUntold = true;
    this.tell({ kind: "event", event });
  }

  /** Answers a question, after sending all earlier events. */
  answer({ kind, token }: Question, engine: Answering): void {
    try {
      this.flush();
      if (kind === "accepts") this.tell({ kind, token, ...engine.accepting });
      else this.tell({ kind, token, batch: batchOf(engine.running()) });
    } catch (error) {
      this.untold({ event: "untold", error: stackOf(error) });
      this.tell({ kind: "unanswered", token });
    }
  }

  /**
   * Reports a defect, after everything was released.
   *
   * @param failures of the clean-up
   * @throws Error if it cannot be reported; then the thread must end by it
   */
  failed(error: unknown, failures: readonly unknown[]): void {
    // Relays that have ended are reported first, if possible.
    const untold = cleanUp([() => this.flush()]);
    this.tell({ kind: "failed", error: defectText(error, [...failures, ...untold]) });
  }

  /** Sends gathered relays if it is time. @returns microseconds until it will be */
  flushWhenDue(): number {
    if (!this.hasGathered) return Infinity;
    const left = this.toldAt + TELL_MS - systemClock.now();
    if (left > 0) return left * 1e3;
    this.flush();
    return Infinity;
  }

  /** Sends the gathered relays. */
  flush(): void {
    if (!this.hasGathered) return;
    this.toldAt = systemClock.now();
    try {
      // Starts first: a relay may have started and ended in between.
      for (const name of gatheredNames) this.send(name);
    } finally {
      // What could not be sent must not pile up.
      for (const name of gatheredNames) {
        if (this.gathering[name].count > 0) this.gathering[name] = new Records();
      }
    }
  }

  protected gathered(): void {}

  private get hasGathered(): boolean {
    const { relayStarted, relayEnded } = this.gathering;
    return relayStarted.count + relayEnded.count > 0;
  }

  private send(event: GatheredName): void {
    const records = this.gathering[event];
    if (records.count === 0) return;
    const batch = records.take();
    const handedOver = [batch.numbers.buffer, batch.ends.buffer];
    this.port.postMessage({ kind: "gathered", event, batch } satisfies News, handedOver);
  }
}

function batchOf(relays: readonly Summary[]): RecordBatch {
  const records = new Records();
  for (const relay of relays) records.add(relay);
  return records.take();
}
