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

/** Relays that started or ended are told together, so often. */
const TELL_MS = 20;

/** What an engine answers to questions in its own thread, at once. */
export interface Answering {
  running(): Summary[];
  /** See {@link Answer}. */
  readonly accepting: { readonly listeners: number; readonly isPaused: boolean };
}

/**
 * What a worker tells the control plane; relays that started or ended are gathered first.
 *
 * What goes wrong with it is thrown here and kept from the engine by {@link guarded}: relays are not to end
 * because somebody cannot hear of them. Only what the control plane waits for, such as that a listener
 * accepts, is a defect of the worker when it cannot be said.
 */
export class Reporter implements Observer {
  readonly wantsStarts: boolean;
  private readonly gathering = { relayStarted: new Records(), relayEnded: new Records() };
  /** Something could not be told, which was said. */
  private isUntold = false;
  private toldAt = 0;
  /** Who waits for the addresses of a name. */
  private readonly lookups = new Map<number, Parameters<ResolveName>[2]>();
  /** Who waits for what a route function says. */
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

  /** Functions are the control plane's: it is asked by their numbers. */
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

  /** Names are the control plane's, too. */
  readonly resolve: ResolveName = (address, slot, answer) => {
    const token = ++this.lastToken;
    this.lookups.set(token, answer);
    this.tell({ kind: "resolve", token, address, slot });
  };

  /** The control plane has the addresses of a name. */
  resolved(token: number, addresses: readonly Address[], refusal: DialRefusal | null): void {
    const answer = this.lookups.get(token);
    this.lookups.delete(token);
    answer?.(addresses, refusal);
  }

  /** The control plane has an answer to a question, perhaps too late. */
  routed(token: number, answer: RouteAnswer): void {
    this.questions.get(token)?.(answer);
  }

  /** @throws Error when it cannot be told */
  tell(news: News): void {
    this.port.postMessage(news);
  }

  /** Something could not be told; that is said once. */
  private untold(event: EventOf<"untold">): void {
    if (this.isUntold) return;
    this.isUntold = true;
    this.tell({ kind: "event", event });
  }

  /** Answers a question; what has happened before is told before. */
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
   * A defect was met, and everything is let go.
   *
   * @param failures what has gone wrong with that
   * @throws Error when that cannot be told: then the thread is to end by it
   */
  failed(error: unknown, failures: readonly unknown[]): void {
    // Who has ended is told before, if that can be.
    const untold = cleanUp([() => this.flush()]);
    this.tell({ kind: "failed", error: defectText(error, [...failures, ...untold]) });
  }

  /** Tells of the relays that started or ended, if it is time. @returns microseconds until it is */
  flushWhenDue(): number {
    if (!this.hasGathered) return Infinity;
    const left = this.toldAt + TELL_MS - systemClock.now();
    if (left > 0) return left * 1e3;
    this.flush();
    return Infinity;
  }

  /** Tells of the relays that started or ended. */
  flush(): void {
    if (!this.hasGathered) return;
    this.toldAt = systemClock.now();
    try {
      // In this order: a relay may have started and ended in between.
      for (const name of gatheredNames) this.send(name);
    } finally {
      // What could not be told must not pile up.
      for (const name of gatheredNames) {
        if (this.gathering[name].count > 0) this.gathering[name] = new Records();
      }
    }
  }

  /** There is something to tell. */
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

/** The stories of relays that run, to be sent. */
function batchOf(relays: readonly Summary[]): RecordBatch {
  const records = new Records();
  for (const relay of relays) records.add(relay);
  return records.take();
}
