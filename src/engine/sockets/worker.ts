import { workerData } from "node:worker_threads";
import { systemClock } from "../../base/clock.ts";
import type { Listening } from "../engine.ts";
import { Held } from "../held.ts";
import { guarded } from "../thread/guarded.ts";
import type { Command, WorkerBirth } from "../thread/messages.ts";
import { Reporter } from "../thread/reporter.ts";
import { SocketsEngine } from "./engine.ts";

// The program of a worker thread: a sockets engine with its own event loop.

const birth = workerData as WorkerBirth;
const { port } = birth;
const held = new Held(birth.held);

class SocketsReporter extends Reporter {
  private isDue = false;

  protected override gathered(): void {
    if (!this.isDue) this.tellSoon();
  }

  private tellSoon(): void {
    this.isDue = false;
    const micros = this.flushWhenDue();
    this.isDue = micros !== Infinity;
    // A timer has no caller that would catch what it throws, hence `tell`.
    if (this.isDue) systemClock.hold(micros / 1e3, () => tell(undefined, () => this.tellSoon()));
  }
}

const reporter = new SocketsReporter(birth);
const { observer, resolve, askRoute, tell } = guarded(reporter);
const engine = new SocketsEngine(
  birth.memory,
  observer,
  resolve,
  birth.share,
  fail,
  askRoute,
  held,
);
engine.pages.follow(
  (page) => tell(undefined, () => reporter.tell({ kind: "page", page })),
  (page) => tell(undefined, () => reporter.tell({ kind: "pageGone", page })),
);
const listening = new Map<number, Listening>();
let isFailing = false;

async function listen({ key, options, descriptor }: Command & { kind: "listen" }): Promise<void> {
  const { address } = options;
  try {
    // From now on Bun owns it, and closes it with the thread.
    held.closed(descriptor);
    listening.set(
      key,
      await engine.listen(options, { sockets: [{ descriptor, address }], areOwn: false }),
    );
    reporter.tell({ kind: "listening", key, failure: "" });
  } catch (error) {
    reporter.tell({ kind: "listening", key, failure: (error as Error).message });
  }
}

async function update({ key, options }: Command & { kind: "update" }): Promise<void> {
  await listening.get(key)?.update(options);
  reporter.tell({ kind: "updated", key });
}

async function unlisten(key: number): Promise<void> {
  await listening.get(key)?.close();
  listening.delete(key);
  reporter.tell({ kind: "unlistened", key });
}

async function stop(drainTimeoutMs: number): Promise<void> {
  const cut = await engine.stop(drainTimeoutMs);
  tell(undefined, () => reporter.flush());
  reporter.tell({ kind: "stopped", cut });
}

function obey(command: Command): void {
  switch (command.kind) {
    case "listen":
      void listen(command).catch(fail);
      return;
    case "update":
      void update(command).catch(fail);
      return;
    case "unlisten":
      void unlisten(command.key).catch(fail);
      return;
    case "cut":
      engine.cut(command.relay);
      return;
    case "drop":
      engine.drop(command.selection, command.withinMs);
      return;
    case "stop":
      void stop(command.drainTimeoutMs).catch(fail);
      return;
    case "resolved":
      reporter.resolved(command.token, command.addresses, command.refusal);
      return;
    case "routed":
      reporter.routed(command.token, command.answer);
      return;
    case "relays":
    case "accepts":
      tell(undefined, () => reporter.answer(command, engine));
      return;
    case "end":
      port.close();
      return;
  }
}

/** Resets and reports every connection after a defect, so that no client hangs. */
async function fail(error: unknown): Promise<void> {
  // Further defects while everything is released are not reported.
  if (isFailing) return;
  isFailing = true;
  const failures: unknown[] = [];
  try {
    failures.push(...(await engine.abandon()));
  } catch (failure) {
    failures.push(failure);
  }
  try {
    reporter.failed(error, failures);
    port.close();
  } finally {
    // Bun closes what is left with the thread, and the main thread sees its end.
    process.exit(1);
  }
}

process.on("uncaughtException", (error) => void fail(error));
port.on("message", obey);
reporter.tell({ kind: "ready" });
