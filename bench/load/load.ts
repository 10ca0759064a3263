import type { LoadTls } from "./connection.ts";
import type { HistogramData } from "./histogram.ts";

/** What a load did in one window, counted and checked at its own end of the connections. */
export interface LoadResult {
  /** Operations whose answer came back whole and right. */
  readonly operations: number;
  /** Payload bytes that were carried and checked, both directions. */
  readonly bytes: number;
  /** From the first operation's start to the last one's end. */
  readonly seconds: number;
  /** How long the operations took. */
  readonly latency: HistogramData;
}

/**
 * One kind of work for a proxy. It lives in a process of its own, so that its CPU is nobody else's,
 * and is driven through {@link LoadMessage}s.
 */
export interface Load {
  /** Opens its connections to this port of 127.0.0.1 and proves each with one operation. */
  connect(port: number): Promise<void>;
  /** Works for so long; resolves when the last operation's answer has come and was right. */
  run(ms: number): Promise<LoadResult>;
  /** Closes its connections; the load can be connected again. */
  close(): void;
}

/** Requests and answers in lockstep: see requests.ts. */
export interface RequestsSpec {
  readonly kind: "requests";
  readonly connections: number;
  readonly request: "ping" | "set" | "get";
  /** Size of the value that is set or got; 0 for ping. */
  readonly valueBytes: number;
  /** Requests in flight per connection. */
  readonly pipeline: number;
}

/** Connect, one PING, close, over and over: see churn.ts. */
export interface ChurnSpec {
  readonly kind: "churn";
  /** Connections that are alive at the same time. */
  readonly concurrency: number;
}

/** PINGs at a fixed rate whatever the answers do: see open-loop.ts. */
export interface OpenLoopSpec {
  readonly kind: "open-loop";
  readonly connections: number;
  readonly perSecond: number;
}

/** Connections that are opened and then left alone: see idle.ts. */
export interface IdleSpec {
  readonly kind: "idle";
  readonly connections: number;
}

/** Streams that carry as much as they can, to the sink of upstreams/sink.ts: see bulk.ts. */
export interface BulkSpec {
  readonly kind: "bulk";
  readonly streams: number;
}

/** Clients that ask for much and read it slowly: see slow.ts. */
export interface SlowSpec {
  readonly kind: "slow";
  readonly connections: number;
  /** Size of the value that each asks for again and again. */
  readonly valueBytes: number;
  /** Answers asked for at once, and so waiting somewhere between upstream and client. */
  readonly pipeline: number;
}

/** Clients that half-close, reset and leave: see rude.ts. */
export interface RudeSpec {
  readonly kind: "rude";
  /** Connections that are alive at the same time. */
  readonly concurrency: number;
  /** Size of the values that they ask for and do not wait for. */
  readonly valueBytes: number;
}

/** Which load to be, as the load process is told on its command line. */
export type LoadSpec = { readonly tls?: LoadTls } & KindOfLoad;

type KindOfLoad =
  | RequestsSpec
  | ChurnSpec
  | OpenLoopSpec
  | IdleSpec
  | BulkSpec
  | SlowSpec
  | RudeSpec;

/** What the load process is asked to do, one thing after the other. */
export type LoadMessage =
  | { readonly kind: "connect"; readonly port: number }
  | { readonly kind: "run"; readonly ms: number }
  | { readonly kind: "close" };

/** Its answer to each. */
export type LoadAnswer =
  | { readonly ok: true; readonly result: LoadResult | null }
  | { readonly ok: false; readonly message: string };
