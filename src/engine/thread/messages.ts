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

/** What a worker is born with. */
export interface WorkerBirth {
  readonly memory: MemoryOptions;
  /** For the engine that is made of it. */
  readonly uring: UringOptions;
  readonly share: EngineShare;
  /** The control plane's messages come here… */
  readonly port: MessagePort;
  /** …after it has written to this eventfd, for a thread that has no event loop; else −1. */
  readonly wakeFd: number;
  /** Where it writes down which descriptors are its own; see {@link Held}. */
  readonly held: SharedArrayBuffer;
  /** Somebody wants to know of relays when they start. */
  readonly wantsStarts: boolean;
}

/** What the control plane tells a worker. Listeners are called by keys that it gives them. */
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

/** What the control plane asks: which relays run, or whether clients are accepted. */
export interface Question {
  readonly kind: "relays" | "accepts";
  /** By which the answer is known; never used twice. */
  readonly token: number;
}

/** Events that are gathered, as they may come thousands of times a second; in the order in which they are told. */
export const gatheredNames = ["relayStarted", "relayEnded"] as const;
export type GatheredName = (typeof gatheredNames)[number];

/** What a worker tells the control plane. */
export type News =
  /** Something has happened. */
  | { readonly kind: "event"; readonly event: ProxyEvent }
  /** The same, to all these relays in their order: see {@link Records}. */
  | { readonly kind: "gathered"; readonly event: GatheredName; readonly batch: RecordBatch }
  | { readonly kind: "ready" }
  /** Nothing is left after a stop, which has cut so many relays. */
  | { readonly kind: "stopped"; readonly cut: number }
  /** That listener accepts here, or could not; `failure` is empty when it does. */
  | { readonly kind: "listening"; readonly key: number; readonly failure: string }
  /** That listener's clients get the options that were told; or it accepts no more. */
  | { readonly kind: "updated" | "unlistened"; readonly key: number }
  | {
      readonly kind: "resolve";
      readonly token: number;
      readonly address: Address;
      /** As for {@link ResolveName}. */
      readonly slot: number | null;
    }
  /** The listener's route function is to be asked, by its number; see {@link RouteQuestion}. */
  | {
      readonly kind: "route";
      readonly token: number;
      readonly hook: number;
      readonly caller: Caller;
      readonly until: number;
    }
  /** The worker has met a defect and let everything go; its thread ends. */
  | { readonly kind: "failed"; readonly error: string }
  /** From now on it counts there, too. */
  | { readonly kind: "page"; readonly page: Page }
  /** It counts there no more. */
  | { readonly kind: "pageGone"; readonly page: UpstreamPage }
  | Answer;

/** What a worker answers to a {@link Question}. */
export type Answer =
  | { readonly kind: "relays"; readonly token: number; readonly batch: RecordBatch }
  | {
      readonly kind: "accepts";
      readonly token: number;
      /** Listeners that accept, or would if accepting was not paused. */
      readonly listeners: number;
      readonly isPaused: boolean;
    }
  /** It could not be answered. */
  | { readonly kind: "unanswered"; readonly token: number };
