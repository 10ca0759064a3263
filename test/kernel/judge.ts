import type { Address } from "../../src/base/address.ts";
import type { Reason } from "../../src/base/reason.ts";
import type { Mode } from "../../src/config/options.ts";
import type { Held } from "../../src/engine/held.ts";
import { Opcode } from "../../src/engine/uring/abi.ts";
import type { Loop } from "../../src/engine/uring/loop.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import { holds } from "../model/fuzz.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { FakeKernel } from "./fake-kernel.ts";
import { checkNothingHeld, type LoopInside } from "./loop-inside.ts";

/** Milliseconds in which no byte of a flow was sent before its relay is cut for the memory it holds. */
const PATIENCE_MS = 8_900;
/** The same for one whose source was reset. */
const STALL_MS = 1_900;

/** What was true of a relay's ends when it was said to have ended. */
export interface Case {
  readonly client: Connection;
  readonly upstream: Connection | null;
  /** Something failed for no cause of its ends. */
  readonly isExcused: boolean;
  readonly relay: RelaySummary;
  readonly life: {
    readonly clock: Clock;
    readonly drains: boolean;
    readonly story: { readonly mode: Mode };
  };
}

/** A run on the fake kernel, of which that is true. */
interface Judged {
  readonly clock: Clock;
  readonly drains: boolean;
  readonly ended: readonly RelaySummary[];
  readonly held: Held;
  readonly inside: LoopInside;
  readonly kernel: FakeKernel;
  readonly loop: Loop;
  readonly story: {
    readonly descriptors: number;
    readonly mode: Mode;
    readonly upstreams: readonly Address[];
  };
}

/** A relay was said to have ended: its reason must be the truth, and its bytes where they belong. */
export function checkEnded(life: Judged, relay: RelaySummary, client: Connection): void {
  const tenancy = [...life.kernel.tenancies.values()].find((one) => one.client === client) ?? null;
  const upstream = tenancy?.upstream?.isOpen ? tenancy.upstream : null;
  checkRelay({ client, upstream, isExcused: tenancy?.isExcused === true, relay, life });
}

/** The same, of whatever carried it. */
export function checkRelay(found: Case): void {
  const { client, isExcused, relay } = found;
  const { reason } = relay;
  if (reason === null) throw new Error("a relay ends for a reason");
  if (client.isNameless) {
    holds(reason === "client_reset", "of whom nothing is known nobody comes in");
    holds(relay.dials === 0, "of whom nothing is known nobody is dialled for");
    return;
  }
  holds(isExcused || mayBe(reason, found), `a relay ends for a reason that is so: ${reason}`);
  checkLastBytes(reason, found);
  checkOrderly(reason, found);
}

/** Whether that can be why. */
function mayBe(reason: Reason, { client, upstream, relay, life }: Case): boolean {
  switch (reason) {
    case "client_fin":
    case "upstream_fin":
      return client.hasEnded && (upstream === null || upstream.hasEnded);
    case "client_reset":
      return client.isBroken;
    case "upstream_reset":
      return upstream?.isBroken === true;
    case "admin":
    case "drain":
    case "upstream_gone":
      return life.drains;
    case "half_close_timeout":
      return true;
    case "memory_limit":
      return standsStill([client, upstream], PATIENCE_MS, life);
    default:
      // A dial that was answered too late brings a connection, but no byte.
      return upstream === null || (upstream.sent === 0 && relay.down.receivedBytes === 0);
  }
}

/** Whether it came to no upstream; one of those that were tried may have answered too late. */
function isDialFailure(reason: Reason): boolean {
  if (reason.startsWith("connect_") || reason.startsWith("queue_")) return true;
  return ["descriptor_limit", "local_limit", "no_upstream", "upstreams_full"].includes(reason);
}

/** Whether nothing was sent to one of the ends for so long. */
function standsStill(
  ends: readonly (Connection | null)[],
  ms: number,
  { clock }: Case["life"],
): boolean {
  return ends.some((end) => end === null || clock.now - end.sentAt >= ms);
}

/** What came before a reset is delivered, as long as its target takes it. */
function checkLastBytes(reason: Reason, { client, upstream, isExcused, life }: Case): void {
  if (!reason.endsWith("_reset") || upstream === null) return;
  if (life.drains || isExcused) return;
  const target = reason === "client_reset" ? upstream : client;
  const isDelivered = target.isBroken || target.acked === target.sent;
  const isStalled = life.clock.now - Math.max(target.ackedAt, target.sentAt) >= STALL_MS;
  holds(isDelivered || isStalled, "what was sent before a reset leaves before it is passed on");
}

/** When both ends were orderly all bytes were delivered. */
function checkOrderly(reason: Reason, { client, upstream, isExcused, life }: Case): void {
  const isFin = reason === "client_fin" || reason === "upstream_fin";
  if (life.story.mode !== "bidirectional") return;
  const ends = [client, upstream];
  const isOrderly =
    !isDialFailure(reason) &&
    ends.every((end) => end?.hasEnded && !end.isBroken && !end.readsNoMore);
  if (isFin && upstream !== null) {
    holds(
      upstream.sent === client.written - client.headerSize,
      "an orderly relay has delivered all to the upstream",
    );
    holds(client.sent === upstream.written, "an orderly relay has delivered all to the client");
  }
  const isCut = ["admin", "drain", "upstream_gone", "memory_limit"].includes(reason);
  holds(!isOrderly || isFin || isCut || isExcused, "orderly ends end orderly");
}

/** After a stop nothing is left: no operation, descriptor, buffer, chunk or slot. */
export function checkEverythingGone(life: Judged): void {
  const { kernel, inside } = life;
  for (const { entry, isTold } of kernel.inFlight) {
    holds(isTold || entry.opcode === Opcode.Read, "after a stop only the eventfd is read");
  }
  const [left, ...others] = kernel.descriptors.left;
  holds(left?.kind === "event" && others.length === 0, "after a stop every descriptor is closed");
  const held = [...life.held.left(kernel.nextEntry - kernel.unsubmitted)];
  holds(held.length === 0, "after a stop the loop says that it has no descriptor");
  holds(kernel.filesLeft === 0, "after a stop the file table is empty");
  const isUncounted = life.loop.hall.descriptors.left === life.story.descriptors;
  holds(isUncounted, "after a stop no descriptor is counted");
  holds(life.ended.length === kernel.handedOver.length, "every relay has ended, once");
  for (const slot of life.story.upstreams.keys()) {
    holds(life.loop.hall.table.running(slot) === 0, "no upstream has a relay any more");
  }
  checkNothingHeld(inside, kernel);
}
