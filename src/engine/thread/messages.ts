import type { MessagePort } from "node:worker_threads";
import type { Address } from "../../base/address.ts";
import type { ListenerOptions, MemoryOptions, UringOptions } from "../../config/options.ts";
import type { RouteAnswer } from "../../entry/route/answer.ts";
import type { Caller } from "../../entry/route/connection.ts";
import type { Selection } from "../../relay/ending/dropping.ts";
import type { ProxyEvent } from "../../relay/events.ts";
import type { Page, UpstreamPage } from "../../relay/ledger/page.ts";
import type { EngineShare } from "../../relay/share.ts";
import type { DialRefusal } from "../../upstream/names/ask.ts";
import type { RecordBatch } from "./records.ts";

/** The data that a worker's thread starts with. */
export interface WorkerBirth {
  readonly memory: MemoryOptions;
  /** Only for the uring engine. */
  readonly uring: UringOptions;
  readonly share: EngineShare;
  readonly port: MessagePort;
  /** An eventfd that wakes a thread without an event loop for messages; else −1. */
  readonly wakeFd: number;
  /** Memory of the thread's {@link Held}. */
  readonly held: SharedArrayBuffer;
  /** See {@link Observer.wantsStarts}. */
  readonly wantsStarts: boolean;
}

/** Messages from the control plane to a worker. It identifies listeners by keys. */
export type Command =
  | {
      readonly kind: "listen";
      readonly key: number;
      readonly options: ListenerOptions;
      readonly descriptor: number;
    }
  | { readonly kind: "update"; readonly key: number; readonly options: ListenerOptions }
  | { readonly kind: "unlisten"; readonly key: number }
  | { readonly kind: "cut"; readonly relay: number }
  | { readonly kind: "drop"; readonly selection: Selection; readonly withinMs: number | null }
  | { readonly kind: "stop"; readonly drainTimeoutMs: number }
  | {
      readonly kind: "resolved";
      readonly token: number;
      readonly addresses: readonly Address[];
      readonly refusal: DialRefusal | null;
    }
  | { readonly kind: "routed"; readonly token: number; readonly answer: RouteAnswer }
  /** Nothing is left to do: the thread may end. */
  | { readonly kind: "end" }
  | Question;

/** A question of the control plane: which relays run, or whether clients are accepted. */
export interface Question {
  readonly kind: "relays" | "accepts";
  /** Identifies the answer; never used twice. */
  readonly token: number;
}

/** Events that are sent in batches, as they may come thousands of times a second; in this order. */
export const gatheredNames = ["relayStarted", "relayEnded"] as const;
export type GatheredName = (typeof gatheredNames)[number];

/** Messages from a worker to the control plane. */
export type News =
  | { readonly kind: "event"; readonly event: ProxyEvent }
  /** The same event for several relays, in order: see {@link Records}. */
  | { readonly kind: "gathered"; readonly event: GatheredName; readonly batch: RecordBatch }
  | { readonly kind: "ready" }
  /** A stop is over, and has cut this many relays. */
  | { readonly kind: "stopped"; readonly cut: number }
  /** A listener accepts, or could not; `failure` is empty if it accepts. */
  | { readonly kind: "listening"; readonly key: number; readonly failure: string }
  /** A listener's new clients get the new options; or it is closed. */
  | { readonly kind: "updated" | "unlistened"; readonly key: number }
  | {
      readonly kind: "resolve";
      readonly token: number;
      readonly address: Address;
      readonly slot: number | null;
    }
  /** Asks a route function by its number; see {@link RouteQuestion}. */
  | {
      readonly kind: "route";
      readonly token: number;
      readonly hook: number;
      readonly caller: Caller;
      readonly until: number;
    }
  /** The worker has met a defect and released everything; its thread ends. */
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "page"; readonly page: Page }
  | { readonly kind: "pageGone"; readonly page: UpstreamPage }
  | Answer;

/** A worker's answer to a {@link Question}. */
export type Answer =
  | { readonly kind: "relays"; readonly token: number; readonly batch: RecordBatch }
  | {
      readonly kind: "accepts";
      readonly token: number;
      /** Listeners that accept, or would if accepting were not paused. */
      readonly listeners: number;
      readonly isPaused: boolean;
    }
  | { readonly kind: "unanswered"; readonly token: number };
