import { workerData } from "node:worker_threads";
import type { Listening } from "../engine.ts";
import type { Command, WorkerBirth } from "../thread/messages.ts";
import { Teller } from "../thread/teller.ts";
import { SocketsEngine } from "./engine.ts";

// A worker's thread with an event loop of its own, in which a sockets engine runs.

const birth = workerData as WorkerBirth;
const { port } = birth;

class SocketsTeller extends Teller {
  private isDue = false;

  protected override gathered(): void {
    if (!this.isDue) this.tellSoon();
  }

  private tellSoon(): void {
    const micros = this.flushWhenDue();
    this.isDue = micros !== Infinity;
    if (this.isDue) setTimeout(() => this.tellSoon(), micros / 1e3);
  }
}

const teller = new SocketsTeller(birth);
const engine = new SocketsEngine(
  birth.memory,
  teller,
  teller.resolve,
  birth.share,
  fail,
  teller.askRoute,
);
engine.book.follow(
  (page) => teller.tell({ kind: "page", page }),
  (page) => teller.tell({ kind: "pageGone", page }),
);
const listening = new Map<number, Listening>();
let isFailing = false;

async function listen({ key, options, descriptor }: Command & { kind: "listen" }): Promise<void> {
  const { address } = options;
  try {
    listening.set(
      key,
      await engine.listen(options, { sockets: [{ descriptor, address }], areOwn: false }),
    );
    teller.tell({ kind: "listening", key, failure: "" });
  } catch (error) {
    teller.tell({ kind: "listening", key, failure: (error as Error).message });
  }
}

async function update({ key, options }: Command & { kind: "update" }): Promise<void> {
  await listening.get(key)?.update(options);
  teller.tell({ kind: "updated", key });
}

async function unlisten(key: number): Promise<void> {
  await listening.get(key)?.close();
  listening.delete(key);
  teller.tell({ kind: "unlistened", key });
}

async function stop(drainTimeoutMs: number): Promise<void> {
  const cut = await engine.stop(drainTimeoutMs);
  teller.flush();
  teller.tell({ kind: "stopped", cut });
}

function obey(command: Command): void {
  switch (command.kind) {
    case "listen":
      void listen(command);
      return;
    case "update":
      void update(command);
      return;
    case "unlisten":
      void unlisten(command.key);
      return;
    case "cut":
      engine.cut(command.relay);
      return;
    case "drop":
      engine.drop(command.selection, command.withinMs);
      return;
    case "stop":
      void stop(command.drainTimeoutMs);
      return;
    case "resolved":
      teller.resolved(command.token, command.addresses, command.refusal);
      return;
    case "routed":
      teller.routed(command.token, command.answer);
      return;
    case "relays":
      teller.answer(engine);
      return;
    case "end":
      port.close();
      return;
  }
}

/** Nobody may hang because of a defect: every connection is reset, and told. */
async function fail(error: unknown): Promise<void> {
  // What goes wrong while everything is let go is no news.
  if (isFailing) return;
  isFailing = true;
  await engine.abandon();
  teller.failed(error);
  port.close();
}

process.on("uncaughtException", (error) => void fail(error));
port.on("message", obey);
teller.tell({ kind: "ready" });
