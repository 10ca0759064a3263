import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { cleanUp } from "../../base/clean-up.ts";
import { systemClock } from "../../base/clock.ts";
import { defectText, stackOf } from "../../base/stack.ts";
import type { EngineName, ListenerOptions } from "../../config/options.ts";
import type { Selection } from "../../relay/ending/dropping.ts";
import { nameOfListener } from "../../relay/ledger/account.ts";
import { Pages } from "../../relay/ledger/pages.ts";
import type { EngineStats, RelaySummary } from "../../relay/ledger/stats.ts";
import type { Observer } from "../../relay/observer.ts";
import { upstreamTableOf } from "../../relay/share.ts";
import { closeNow, errnoName, eventDescriptor, setBlocking, signal } from "../../system/linux.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import { type Acceptance, accepts, type Engine, type Listening, paused } from "../engine.ts";
import { Held, heldMemory } from "../held.ts";
import { ListenError } from "../listen-error.ts";
import { type GivenSockets, type ListeningSocket, openListening } from "../listening-socket.ts";
import { EngineUnsupportedError } from "../select.ts";
import { closeOrphans } from "../uring/orphans.ts";
import { ThreadListening } from "./listening.ts";
import type { Answer, Command, News, Question, WorkerBirth } from "./messages.ts";
import { programs } from "./programs.ts";
import { Pulse } from "./pulse.ts";
import { relaysOf } from "./records.ts";
import { ThreadRoutes } from "./thread-routes.ts";

/** A worker that does not list its relays within this time is left out. */
const ANSWER_MS = 2_000;
/** A worker that does not confirm within this time that it accepts counts as one that does not. */
const CONFIRM_MS = 800;
/** A thread with nothing left to do gets this long to end, and as long to be terminated. */
const END_MS = 5_000;

/** The options of a worker's thread. */
export interface ThreadOptions {
  readonly name: EngineName;
  readonly birth: Omit<WorkerBirth, "port" | "wakeFd" | "held" | "wantsStarts">;
  /**
   * The worker has met a defect: its relays have ended (`worker_failed`), it no longer accepts, and
   * its thread ends. `error` includes the stack.
   */
  readonly onFailed: (error: string) => void;
  /** The worker does not answer (true), or answers again. */
  readonly onSilent?: (isSilent: boolean) => void;
  readonly resolve: ResolveName;
  /** Interval of the checks whether it is alive, for tests; see {@link Pulse}. */
  readonly lookMs?: number;
  /** Another program than the engine's own, for tests. */
  readonly url?: URL;
}

/** The control plane's handle of an engine in its own thread. */
export class ThreadEngine implements Engine {
  readonly name: EngineName;
  private readonly wakeFd: number;
  private readonly port: MessagePort;
  private readonly worker: Worker;
  /** Callbacks for answers, by token. */
  private readonly questions = new Map<number, (answer: Answer | null) => void>();
  private lastToken = 0;
  private readonly ready = Promise.withResolvers<void>();
  private readonly listening = new Map<number, ThreadListening>();
  private nextKey = 0;
  private readonly routes: ThreadRoutes;
  private stopping: PromiseWithResolvers<number> | null = null;
  private cutCount = 0;
  private readonly pages: Pages;
  private readonly pulse: Pulse;
  private readonly held = new Held(heldMemory());
  /** The worker's thread has ended or is about to. */
  private isOver = false;
  /** The worker's thread has ended, and everything of it was released. */
  private isGone = false;

  constructor(
    private readonly options: ThreadOptions,
    private readonly observer: Observer,
  ) {
    const { name, birth, url = programs[name].url } = options;
    const { port1, port2 } = new MessageChannel();
    this.name = name;
    this.pages = new Pages(name);
    this.routes = new ThreadRoutes(upstreamTableOf(birth.share));
    this.port = port1;
    this.wakeFd = programs[name].isBlocking ? wakeDescriptor() : -1;
    const workerData: WorkerBirth = {
      ...birth,
      port: port2,
      wakeFd: this.wakeFd,
      held: this.held.memory,
      wantsStarts: observer.wantsStarts,
    };
    try {
      this.worker = new Worker(url, { workerData, transferList: [port2] });
    } catch (error) {
      this.release();
      throw error;
    }
    // A rejection reaches those who call `listen`; without one it must not count as unhandled.
    this.ready.promise.catch(() => {});
    this.worker.on("error", (error) => this.failed(stackOf(error)));
    this.worker.on("exit", () => this.exited());
    port1.on("message", (news: News) => this.hear(news));
    this.pulse = new Pulse(
      {
        sign: () => this.pages.activity,
        ask: () => void this.ask("accepts", Infinity).then((answer) => answer && this.pulse.beat()),
        silent: (isSilent) => this.options.onSilent?.(isSilent),
        dead: (silentMs) => this.giveUp(silentMs),
      },
      options.lookMs,
    );
  }

  async listen(options: ListenerOptions, given?: GivenSockets): Promise<Listening> {
    const socket = await this.socketFor(options, given?.sockets[0]);
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
    // The worker gets the bound address, as its relays' stories contain it.
    const bind = { ...forThread(options), address: bound };
    // Note it for the worker, so that it is not lost if the worker dies before it takes it.
    this.held.tookListening(descriptor);
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
    // The worker reports a new page before it counts on it.
    this.hearAll();
    return this.pages.stats();
  }

  async relays(): Promise<RelaySummary[]> {
    const answer = await this.ask("relays", ANSWER_MS);
    return answer?.kind === "relays" ? relaysOf(answer.batch) : [];
  }

  async acceptance(): Promise<Acceptance> {
    const wanted = this.accepting;
    const answer = await this.ask("accepts", CONFIRM_MS);
    if (this.isOver) return { state: "absent", why: "is being replaced" };
    if (answer?.kind !== "accepts") return { state: "absent", why: "does not answer" };
    // Listeners that were closed meanwhile do not count.
    if (answer.listeners < Math.min(wanted, this.accepting)) {
      return { state: "absent", why: "does not accept on all listeners" };
    }
    return answer.isPaused ? paused : accepts;
  }

  cut(relay: number): void {
    this.tell({ kind: "cut", relay });
  }

  drop(selection: Selection, withinMs: number | null): void {
    this.tell({ kind: "drop", selection, withinMs });
  }

  /** The socket for the worker; a given one is closed if it cannot be used. @throws ListenError */
  private async socketFor(
    options: ListenerOptions,
    given: ListeningSocket | undefined,
  ): Promise<ListeningSocket> {
    let socket = given;
    try {
      this.refuseStopped(options);
      await this.ready.promise;
      socket ??= await openListening(options.address, "none", undefined, options);
      this.refuseStopped(options);
      return socket;
    } catch (error) {
      if (socket !== undefined) closeNow(socket.descriptor);
      throw error;
    }
  }

  private refuseStopped({ address }: ListenerOptions): void {
    if (this.stopping === null && !this.isOver) return;
    throw new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
  }

  /** Number of listeners on which the worker accepts. */
  private get accepting(): number {
    let count = 0;
    for (const { isAccepting } of this.listening.values()) if (isAccepting) count++;
    return count;
  }

  private tell(command: Command): void {
    if (this.isOver) return;
    this.port.postMessage(command);
    if (this.wakeFd >= 0) signal(this.wakeFd);
  }

  /** Asks the worker. @returns null if it does not answer in time, or has ended */
  private ask(kind: Question["kind"], withinMs: number): Promise<Answer | null> {
    if (this.isOver) return Promise.resolve(null);
    const token = ++this.lastToken;
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    const takeBack =
      withinMs === Infinity ? () => {} : systemClock.hold(withinMs, () => answered(null));
    const answered = (answer: Answer | null) => {
      takeBack();
      this.questions.delete(token);
      resolve(answer);
    };
    this.questions.set(token, answered);
    this.tell({ kind, token });
    return promise;
  }

  /** Handles all messages that have arrived. */
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
      case "event":
        observer.on(news.event);
        return;
      case "gathered":
        for (const relay of relaysOf(news.batch)) observer.on({ event: news.event, relay });
        return;
      case "resolve":
        this.resolve(news);
        return;
      case "route":
        void this.route(news);
        return;
      case "stopped":
        this.finish(news.cut);
        return;
      case "failed":
        this.failed(news.error);
        return;
      case "page":
        this.pages.add(news.page);
        return;
      case "pageGone":
        this.pages.remove(news.page);
        return;
      case "relays":
      case "accepts":
      case "unanswered":
        this.questions.get(news.token)?.(news);
        return;
    }
  }

  private resolve({ token, address, slot }: Extract<News, { kind: "resolve" }>): void {
    this.options.resolve(address, slot, (addresses, refusal = null) =>
      this.tell({ kind: "resolved", token, addresses, refusal }),
    );
  }

  private async route({ token, hook, caller, until }: News & { kind: "route" }): Promise<void> {
    const answer = await this.routes.answer(hook, caller, until);
    if (answer !== null) this.tell({ kind: "routed", token, answer });
  }

  /** The worker has nothing left to do: its thread ends. */
  private finish(cut: number): void {
    this.cutCount = cut;
    this.tell({ kind: "end" });
    this.isOver = true;
    this.endSoon();
  }

  /** The worker hangs: terminates its thread. */
  private giveUp(silentMs: number): void {
    const why = `the worker's thread hangs: it has not answered for ${silentMs / 1e3} s`;
    void this.end().then(() => this.failed(why));
  }

  /** The worker has failed. Its thread ends by itself. */
  private failed(error: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.pulse.stop();
    const [what = ""] = error.split("\n");
    const { name, pages, ready, listening, options } = this;
    const failures = cleanUp([
      () => pages.close(),
      () =>
        ready.reject(
          new EngineUnsupportedError(`engine ${name}: its worker could not start: ${what}`),
        ),
      ...Array.from(listening.values(), (one) => () => one.hasClosed()),
      () => this.answerAll(),
      () => this.endSoon(),
    ]);
    options.onFailed(defectText(error, failures));
  }

  /** Terminates the thread if it does not end by itself. */
  private endSoon(): void {
    this.pulse.stop();
    systemClock.alarm(END_MS, () => void this.end());
  }

  /** Terminates the thread. @returns once it has ended, or after {@link END_MS} */
  private async end(): Promise<void> {
    if (this.isGone) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const takeBack = systemClock.hold(END_MS, resolve);
    await Promise.race([this.worker.terminate().catch(() => {}), promise]);
    takeBack();
    // If it has not ended by now, the end of the process will end it.
    this.stopping?.resolve(this.cutCount);
  }

  /** The thread has ended. Its last messages may not have been handled yet. */
  private exited(): void {
    if (this.isGone) return;
    this.isGone = true;
    const failures: unknown[] = [];
    const untold = cleanUp([
      () => this.hearAll(),
      // Clients wait for their connections to close. A thread that cleaned up itself has left none.
      () => failures.push(...closeOrphans(this.held)),
      () => this.failed(defectText("the worker's thread has ended without notice", failures)),
      // Settle what still waits for the worker.
      ...Array.from(this.listening.values(), (listening) => () => listening.hasClosed()),
      () => this.answerAll(),
      () => this.release(),
      () => this.pulse.stop(),
    ]);
    for (const failure of untold) this.observer.on({ event: "untold", error: stackOf(failure) });
    this.stopping?.resolve(this.cutCount);
  }

  /** Settles all questions without an answer. */
  private answerAll(): void {
    for (const answered of [...this.questions.values()]) answered(null);
  }

  private release(): void {
    if (this.wakeFd >= 0) closeNow(this.wakeFd);
    this.port.close();
  }
}

/** @throws Error if no descriptor is left */
function wakeDescriptor(): number {
  const descriptor = eventDescriptor();
  if (descriptor < 0) throw new Error(`no eventfd for a worker: ${errnoName(-descriptor)}`);
  return descriptor;
}
