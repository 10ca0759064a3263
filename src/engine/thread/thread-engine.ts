import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { Address, EngineName, ListenerOptions } from "../../config/options.ts";
import { nameOfListener } from "../account.ts";
import { Book } from "../book.ts";
import type { Selection } from "../ending/dropping.ts";
import {
  type Engine,
  type EngineObserver,
  type EngineStats,
  ListenError,
  type Listening,
  type RelaySummary,
  upstreamTableOf,
} from "../engine.ts";
import { closeNow, eventDescriptor, setBlocking, signal } from "../linux.ts";
import { type GivenSockets, openListening } from "../listening-socket.ts";
import type { ResolveName } from "../names.ts";
import { EngineUnsupportedError } from "../select.ts";
import { ThreadListening } from "./listening.ts";
import type { Answer, Command, News, Question, WorkerBirth } from "./messages.ts";
import { programs } from "./programs.ts";
import { relaysOf } from "./records.ts";
import { stackOf } from "./stack.ts";
import { ThreadRoutes } from "./thread-routes.ts";

/** Longest time that a worker may take to answer; it is a defect if it takes more. */
const ANSWER_MS = 10_000;

/** What a worker's thread is made of. */
export interface ThreadOptions {
  readonly name: EngineName;
  readonly birth: Omit<WorkerBirth, "port" | "wakeFd" | "answers" | "tellsStarts">;
  /**
   * The worker has met a defect: its relays have ended (`worker_failed`), it accepts no more, and
   * its thread ends. `error` is a text with its stack.
   */
  readonly onFailed: (error: string) => void;
  /** Where it has the addresses of host names from. */
  readonly resolve: ResolveName;
  /** Where the program is that it runs, unless it is the engine's own. */
  readonly url?: URL;
}

/** An engine in a thread of its own: this is its handle in the control plane. */
export class ThreadEngine implements Engine {
  readonly name: EngineName;
  private readonly wakeFd: number;
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private readonly answers = new Int32Array(new SharedArrayBuffer(4));
  private readonly ready = Promise.withResolvers<void>();
  private readonly listening = new Map<number, ThreadListening>();
  private nextKey = 0;
  private readonly routes: ThreadRoutes;
  private stopping: PromiseWithResolvers<number> | null = null;
  /** Relays that a stop has cut. */
  private cutCount = 0;
  /** What the worker counts, and has counted. */
  private readonly book: Book;
  /** The worker's thread is over, or about to end. */
  private isOver = false;

  constructor(
    private readonly options: ThreadOptions,
    private readonly observer: EngineObserver,
  ) {
    const { name, birth, url = programs[name].url } = options;
    const { port1, port2 } = new MessageChannel();
    this.name = name;
    this.book = new Book(name);
    this.routes = new ThreadRoutes(upstreamTableOf(birth.share));
    this.port = port1;
    this.wakeFd = programs[name].isBlocking ? eventDescriptor() : -1;
    const answers = this.answers.buffer as SharedArrayBuffer;
    const workerData: WorkerBirth = {
      ...birth,
      port: port2,
      wakeFd: this.wakeFd,
      answers,
      tellsStarts: observer.relayStarted !== undefined,
    };
    this.worker = new Worker(url, { workerData, transferList: [port2] });
    // Whoever listens hears of it; before, there is nobody.
    this.ready.promise.catch(() => {});
    this.worker.on("error", (error) => this.failed(stackOf(error)));
    this.worker.on("exit", () => this.exited());
    port1.on("message", (news: News) => this.hear(news));
  }

  async listen(options: ListenerOptions, given?: GivenSockets): Promise<Listening> {
    const { address } = options;
    this.refuseStopped(options);
    await this.ready.promise;
    const socket = given?.sockets[0] ?? (await openListening(address, "none"));
    this.refuseStopped(options);
    setBlocking(socket.descriptor, programs[this.name].isBlocking);
    const key = this.nextKey++;
    const forThread = (next: ListenerOptions) =>
      this.routes.keep(key, nameOfListener(next, socket.address), next);
    const listening = new ThreadListening(socket.address, given?.areOwn ?? true, {
      update: (next) => this.tell({ kind: "update", key, options: forThread(next) }),
      close: () => this.tell({ kind: "unlisten", key }),
    });
    this.listening.set(key, listening);
    const { descriptor, address: bound } = socket;
    // The worker is told where it really listens, as its relays' stories have that.
    const bind = { ...forThread(options), address: bound };
    this.tell({ kind: "listen", key, options: bind, descriptor });
    await listening.begun;
    return listening;
  }

  stop(drainTimeoutMs: number): Promise<number> {
    if (this.stopping === null) {
      this.stopping = Promise.withResolvers<number>();
      for (const listening of this.listening.values()) listening.removePath();
    }
    if (!this.isOver) this.tell({ kind: "stop", drainTimeoutMs });
    else this.stopping.resolve(this.cutCount);
    return this.stopping.promise;
  }

  stats(): EngineStats {
    // Of a listener or an upstream that is new the worker has told before it counts anything of it.
    this.hearAll();
    return this.book.stats();
  }

  relays(): RelaySummary[] {
    const answer = this.ask({ kind: "relays" });
    return answer === null ? [] : relaysOf(answer.batch);
  }

  cut(relay: number): void {
    this.tell({ kind: "cut", relay });
  }

  drop(selection: Selection, withinMs: number | null): void {
    this.tell({ kind: "drop", selection, withinMs });
  }

  private refuseStopped({ address }: ListenerOptions): void {
    if (this.stopping === null && !this.isOver) return;
    throw new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
  }

  private tell(command: Command): void {
    if (this.isOver) return;
    this.port.postMessage(command);
    if (this.wakeFd >= 0) signal(this.wakeFd);
  }

  /**
   * Asks the worker and waits for its answer: a turn of its loop, some microseconds.
   *
   * @returns null when the worker is no more
   */
  private ask(question: Question): Answer | null {
    // Its last word may be here already; then nobody would answer.
    this.hearAll();
    if (this.isOver) return null;
    const before = Atomics.load(this.answers, 0);
    this.tell(question);
    if (Atomics.wait(this.answers, 0, before, ANSWER_MS) === "timed-out") {
      throw new Error("the worker does not answer");
    }
    for (;;) {
      const received = receiveMessageOnPort(this.port);
      if (received === undefined && this.isOver) return null;
      if (received === undefined) throw new Error("the worker's answer is missing");
      const news = received.message as News;
      if (news.kind === "relays") return news;
      this.hear(news);
    }
  }

  /** What has been told and was not heard yet. */
  private hearAll(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.port);
      if (received === undefined) return;
      this.hear(received.message as News);
    }
  }

  private hear(news: News): void {
    const { observer } = this;
    switch (news.kind) {
      case "ready":
        this.ready.resolve();
        return;
      case "listening":
        this.listening.get(news.key)?.hasBegun(news.failure);
        return;
      case "updated":
        this.listening.get(news.key)?.hasUpdated();
        return;
      case "unlistened":
        this.listening.get(news.key)?.hasClosed();
        this.listening.delete(news.key);
        this.routes.retire(news.key);
        return;
      case "started":
        for (const relay of relaysOf(news.batch)) observer.relayStarted?.(relay);
        return;
      case "ended":
        for (const relay of relaysOf(news.batch)) observer.relayEnded(relay);
        return;
      case "dialFailed":
        observer.dialFailed(news.upstream, news.reason, news.detail, news.slot);
        return;
      case "poolGrew":
        observer.poolGrew(news.bytes);
        return;
      case "poolEmpty":
        observer.poolEmpty();
        return;
      case "poolRefilled":
        observer.poolRefilled();
        return;
      case "acceptPaused":
        observer.acceptPaused(news.cause, news.relays);
        return;
      case "acceptResumed":
        observer.acceptResumed();
        return;
      case "resolve":
        this.resolve(news.token, news.address);
        return;
      case "route":
        void this.route(news);
        return;
      case "routeFailed":
        observer.routeFailed?.(news.listener, news.why);
        return;
      case "mirrorDropped":
        observer.mirrorDropped?.(news.drop);
        return;
      case "stopped":
        this.finish(news.cut);
        return;
      case "failed":
        this.failed(news.error);
        return;
      case "page":
        this.book.add(news.page);
        return;
      case "pageGone":
        this.book.remove(news.page);
        return;
    }
  }

  private resolve(token: number, address: Address): void {
    this.options.resolve(address, (addresses, refusal = null) =>
      this.tell({ kind: "resolved", token, addresses, refusal }),
    );
  }

  private async route({ token, hook, caller, until }: News & { kind: "route" }): Promise<void> {
    const answer = await this.routes.answer(hook, caller, until);
    if (answer !== null) this.tell({ kind: "routed", token, answer });
  }

  /** The worker has nothing left: its thread ends. */
  private finish(cut: number): void {
    this.cutCount = cut;
    this.tell({ kind: "end" });
    this.isOver = true;
  }

  /** The thread ends by itself. */
  private failed(error: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.book.close();
    const [what = ""] = error.split("\n");
    this.ready.reject(
      new EngineUnsupportedError(`engine ${this.name}: its worker could not begin: ${what}`),
    );
    for (const listening of this.listening.values()) listening.hasClosed();
    this.options.onFailed(error);
  }

  /** The thread is over; what it has told last may not have been heard yet. */
  private exited(): void {
    this.hearAll();
    if (!this.isOver) this.failed("the worker's thread has ended without a word");
    // Nobody may wait for what it has not told.
    for (const listening of this.listening.values()) listening.hasClosed();
    if (this.wakeFd >= 0) closeNow(this.wakeFd);
    this.port.close();
    this.stopping?.resolve(this.cutCount);
  }
}
