import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { cleanUp } from "../../base/clean-up.ts";
import {
  meetsItself,
  otherEnd,
  ownEnd,
  setBacklog,
  unreadBytes,
  unsentBytes,
} from "../../system/libc.ts";
import {
  acceptNow,
  bindSocket,
  closeNow,
  endSending,
  SocketOption,
  sendNow,
  setBlocking,
  setOption,
} from "../../system/linux.ts";
import { Held } from "../held.ts";
import { guarded } from "../thread/guarded.ts";
import type { Command, WorkerBirth } from "../thread/messages.ts";
import { Reporter } from "../thread/reporter.ts";
import { SetupFlag } from "./abi.ts";
import type { Sockets } from "./kernel.ts";
import { Loop, type Report } from "./loop.ts";
import { Queue } from "./queue.ts";

// A worker's thread: it runs the loop until it is told to end, and talks to the control plane.

const birth = workerData as WorkerBirth;
const { port, uring } = birth;
const held = new Held(birth.held);

const sockets: Sockets = {
  otherAddress: otherEnd,
  ownAddress: ownEnd,
  meetsItself,
  comeFrom(descriptor, address) {
    // Otherwise all upstreams together could use each port of an address only once.
    setOption(descriptor, SocketOption.portAtConnect, 1);
    return bindSocket(descriptor, address);
  },
  sendNow,
  endSending,
  resetOnClose: (descriptor) => setOption(descriptor, SocketOption.linger, 1, 0),
  unsentBytes,
  unreadBytes,
  queueUpTo: setBacklog,
  stopWaiting: (descriptor) => setBlocking(descriptor, false),
  acceptNow,
  closeNow,
};

class UringReporter extends Reporter {
  loop: Loop | null = null;

  stopped(cut: number): void {
    tell(undefined, () => this.flush());
    this.tell({ kind: "stopped", cut });
  }
  woken(): void {
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) return;
      this.obey(received.message as Command);
    }
  }

  private obey(command: Command): void {
    const loop = this.loop as Loop;
    switch (command.kind) {
      case "listen":
        loop.listen(command.key, command.options, command.descriptor);
        this.tell({ kind: "listening", key: command.key, failure: "" });
        return;
      case "update":
        loop.update(command.key, command.options);
        this.tell({ kind: "updated", key: command.key });
        return;
      case "unlisten":
        loop.unlisten(command.key);
        return;
      case "cut":
        loop.hall.cut(command.relay);
        return;
      case "drop":
        loop.hall.drop(command.selection, command.withinMs);
        return;
      case "stop":
        loop.stop(command.drainTimeoutMs);
        return;
      case "resolved":
        this.resolved(command.token, command.addresses, command.refusal);
        return;
      case "routed":
        this.routed(command.token, command.answer);
        return;
      case "relays":
      case "accepts":
        tell(undefined, () => this.answer(command, loop));
        return;
      case "end":
        loop.end();
        return;
    }
  }
}

const reporter = new UringReporter(birth);
const { observer, resolve, askRoute, tell } = guarded(reporter);
const report: Report = {
  ...observer,
  resolve,
  askRoute,
  unlistened: (key) => reporter.tell({ kind: "unlistened", key }),
  stopped: (cut) => reporter.stopped(cut),
  woken: () => reporter.woken(),
  tidy: () => Bun.gc(true),
  turnEnded: () => tell(Number.POSITIVE_INFINITY, flushWhenDue),
};

function flushWhenDue(): number {
  return reporter.flushWhenDue();
}

/** The flags of the worker's ring. */
function ringFlags(): number {
  const always = SetupFlag.SingleIssuer | SetupFlag.SubmitAll | SetupFlag.NoSqArray;
  // The polling thread does all the work, so there is none to defer.
  if (uring.sqPollIdleMs > 0) return always | SetupFlag.SqPoll;
  const when = uring.taskrun === "defer" ? SetupFlag.DeferTaskrun : SetupFlag.CoopTaskrun;
  return always | SetupFlag.TaskrunFlag | when;
}

const queue = new Queue(
  {
    entries: uring.entries,
    completions: Math.max(4096, uring.entries * 4),
    flags: ringFlags(),
    pollIdleMs: uring.sqPollIdleMs,
  },
  held,
);

/** Creates the loop. @throws Error if that fails, after closing the ring */
function begin(): Loop {
  try {
    queue.registerRing();
    if (uring.napi !== "off") queue.registerNapi(uring.napiTimeoutMicros, uring.napi === "prefer");
    return new Loop(queue, sockets, { ...birth, held }, report);
  } catch (error) {
    cleanUp([() => queue.close()]);
    throw error;
  }
}

const loop = begin();
try {
  reporter.loop = loop;
  loop.pages.follow(
    (page) => tell(undefined, () => reporter.tell({ kind: "page", page })),
    (page) => tell(undefined, () => reporter.tell({ kind: "pageGone", page })),
  );
  reporter.tell({ kind: "ready" });
  reporter.woken();
  loop.run();
  loop.close();
} catch (error) {
  // No client may hang because of a defect: reset and report every connection.
  const failures: unknown[] = [];
  const more = cleanUp([() => failures.push(...loop.abandon())]);
  reporter.failed(error, [...failures, ...more]);
}
port.close();
