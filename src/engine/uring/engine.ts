import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { formatAddress } from "../../config/address.ts";
import { ipKind } from "../../config/ip.ts";
import {
  type Address,
  type ListenerOptions,
  type MemoryOptions,
  type UringOptions,
  uringDefaults,
} from "../../config/options.ts";
import {
  type Engine,
  type EngineObserver,
  type EngineStats,
  ListenError,
  type RelaySummary,
} from "../engine.ts";
import {
  bindSocket,
  closeNow,
  connectNow,
  Errno,
  errnoName,
  eventDescriptor,
  listenOn,
  openSocket,
  ownAddress,
  SocketOption,
  setOption,
  signal,
} from "../linux.ts";
import { BACKLOG, KEEPALIVE_MS } from "../policy.ts";
import { decodeSockaddr, encodeSockaddr } from "../sockaddr.ts";
import { isSocketFile, removeSocketFile } from "../socket-file.ts";
import type { Answer, Command, News, Question, WorkerBirth } from "./messages.ts";
import { relaysOf } from "./records.ts";

/** Longest time that a worker may take to answer; it is a defect if it takes more. */
const ANSWER_MS = 10_000;

/**
 * The worker's program. In the executable, where all modules are one file, it keeps the place that it
 * has below src/ (package.json's build names it as an entry of its own).
 */
const WORKER = /[\\/]uring[\\/]engine\.\w+$/.test(import.meta.path)
  ? new URL("./worker.ts", import.meta.url)
  : new URL("./engine/uring/worker.ts", import.meta.url);

/** The engine on io_uring: a worker's thread runs the loop; this is its handle. */
export class UringEngine implements Engine {
  readonly name = "uring";
  private readonly wakeFd = eventDescriptor();
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private readonly answers = new Int32Array(new SharedArrayBuffer(4));
  private readonly paths: string[] = [];
  private readonly ready = Promise.withResolvers<void>();
  private stopping: PromiseWithResolvers<void> | null = null;
  /** What the worker said last, once its thread is over. */
  private last: EngineStats | null = null;

  constructor(
    memory: MemoryOptions,
    private readonly observer: EngineObserver,
    uring: UringOptions = uringDefaults,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const birth: WorkerBirth = {
      memory,
      uring,
      port: port2,
      wakeFd: this.wakeFd,
      answers: this.answers.buffer as SharedArrayBuffer,
      tellsStarts: observer.relayStarted !== undefined,
    };
    this.worker = new Worker(WORKER, {
      workerData: birth,
      transferList: [port2],
    });
    this.worker.on("error", (error) => {
      queueMicrotask(() => {
        throw error;
      });
    });
    port1.on("message", (news: News) => this.hear(news));
  }

  async listen(options: ListenerOptions): Promise<Address> {
    const { address } = options;
    const stopped = () =>
      new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
    if (this.stopping !== null) throw stopped();
    await this.ready.promise;
    const place = await literal(address);
    if (this.stopping !== null) throw stopped();
    const descriptor = open(address, place);
    const bound = address.kind === "unix" ? address : { ...address, port: portOf(descriptor) };
    if (address.kind === "unix" && !address.path.startsWith("\0")) this.paths.push(address.path);
    // The worker is told where it really listens, as its relays' stories have that.
    this.tell({ kind: "listen", options: { ...options, address: bound }, descriptor });
    return bound;
  }

  stop(drainTimeoutMs: number): Promise<void> {
    if (this.stopping === null) {
      this.stopping = Promise.withResolvers<void>();
      for (const path of this.paths) removeSocketFile(path);
    }
    if (this.last === null) this.tell({ kind: "stop", drainTimeoutMs });
    return this.stopping.promise;
  }

  stats(): EngineStats {
    if (this.last !== null) return this.last;
    const answer = this.ask({ kind: "stats" });
    if (answer.kind !== "stats") throw new Error("the worker answered something else");
    return answer.stats;
  }

  relays(): RelaySummary[] {
    if (this.last !== null) return [];
    const answer = this.ask({ kind: "relays" });
    if (answer.kind !== "relays") throw new Error("the worker answered something else");
    return relaysOf(answer.batch);
  }

  private tell(command: Command): void {
    this.port.postMessage(command);
    signal(this.wakeFd);
  }

  /** Asks the worker and waits for its answer: a turn of its loop, some microseconds. */
  private ask(question: Question): Answer {
    const before = Atomics.load(this.answers, 0);
    this.tell(question);
    if (Atomics.wait(this.answers, 0, before, ANSWER_MS) === "timed-out") {
      throw new Error("the worker does not answer");
    }
    for (;;) {
      const received = receiveMessageOnPort(this.port);
      if (received === undefined) throw new Error("the worker's answer is missing");
      const news = received.message as News;
      if (news.kind === "stats" || news.kind === "relays") return news;
      this.hear(news);
    }
  }

  private hear(news: News): void {
    const { observer } = this;
    switch (news.kind) {
      case "ready":
        this.ready.resolve();
        return;
      case "started":
        for (const relay of relaysOf(news.batch)) observer.relayStarted?.(relay);
        return;
      case "ended":
        for (const relay of relaysOf(news.batch)) observer.relayEnded(relay);
        return;
      case "dialFailed":
        observer.dialFailed(news.upstream, news.reason, news.detail);
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
        void this.resolve(news.token, news.host, news.port);
        return;
      case "stopped":
        // Later, as it asks the worker itself and this may be heard while another answer is awaited.
        queueMicrotask(() => this.finish());
        return;
    }
  }

  private async resolve(token: number, host: string, port: number): Promise<void> {
    const addresses = await lookUp(host, port);
    this.tell({ kind: "resolved", token, addresses });
  }

  /** The worker has nothing left: its thread ends. */
  private finish(): void {
    if (this.last !== null) return;
    const last = this.stats();
    this.last = last;
    this.worker.on("exit", () => {
      closeNow(this.wakeFd);
      this.port.close();
      this.stopping?.resolve();
    });
    this.tell({ kind: "end" });
  }
}

async function lookUp(host: string, port: number): Promise<Address[]> {
  try {
    const found = await Bun.dns.lookup(host, { backend: "getaddrinfo" });
    const hosts = new Set(found.map(({ address }) => address));
    return Array.from(hosts, (one) => ({ kind: "tcp", host: one, port }));
  } catch {
    return [];
  }
}

/** The address to bind to: of a host name the first one. @throws ListenError */
async function literal(address: Address): Promise<Address> {
  if (address.kind === "unix" || ipKind(address.host) !== 0) return address;
  const [first] = await lookUp(address.host, address.port);
  if (first !== undefined) return first;
  throw new ListenError(address, "ENOTFOUND", `cannot listen on ${formatAddress(address)}`);
}

function open(address: Address, place: Address): number {
  const bytes = encodeSockaddr(place);
  const descriptor = openSocket(bytes[0] as number);
  const check = (result: number): void => {
    if (result >= 0) return;
    if (descriptor >= 0) closeNow(descriptor);
    const code = errnoName(-result);
    throw new ListenError(address, code, `cannot listen on ${formatAddress(address)}: ${code}`);
  };
  check(descriptor);
  if (place.kind === "tcp") {
    setOption(descriptor, SocketOption.reuseAddress, 1);
    // What is accepted inherits these.
    setOption(descriptor, SocketOption.noDelay, 1);
    setOption(descriptor, SocketOption.keepAlive, 1);
    setOption(descriptor, SocketOption.keepIdle, KEEPALIVE_MS / 1000);
    if (place.host === "::") setOption(descriptor, SocketOption.onlyIPv6, 0);
  } else removeStale(place.path, bytes);
  check(bindSocket(descriptor, bytes));
  check(listenOn(descriptor, BACKLOG));
  return descriptor;
}

function portOf(descriptor: number): number {
  const bytes = ownAddress(descriptor);
  const address = bytes === null ? null : decodeSockaddr(bytes, 0);
  return address?.kind === "tcp" ? address.port : 0;
}

/** Removes the socket that a process left behind that ended without cleaning up. */
function removeStale(path: string, bytes: Uint8Array): void {
  if (path.startsWith("\0") || !isSocketFile(path)) return;
  const probe = openSocket(1);
  if (probe < 0) return;
  const result = connectNow(probe, bytes);
  closeNow(probe);
  if (result === -Errno.ECONNREFUSED) removeSocketFile(path);
}
