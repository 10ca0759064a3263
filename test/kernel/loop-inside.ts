import { Opcode } from "../../src/engine/uring/abi.ts";
import type { Chunks } from "../../src/engine/uring/chunks.ts";
import type { UringConduit } from "../../src/engine/uring/conduit.ts";
import type { Connector } from "../../src/engine/uring/connector.ts";
import type { UringCopy } from "../../src/engine/uring/copy.ts";
import type { UringEnd, UringLane } from "../../src/engine/uring/end.ts";
import type { Group } from "../../src/engine/uring/group.ts";
import { Direction, LARGE, type Memory } from "../../src/engine/uring/memory.ts";
import { Operation, operationOf, slotOf, ticketLow } from "../../src/engine/uring/ticket.ts";
import { Phase } from "../../src/flow/flow.ts";
import { RelayPhase } from "../../src/flow/relay.ts";
import type { Backlog } from "../../src/memory/backlog.ts";
import type { Pages } from "../../src/relay/ledger/pages.ts";
import type { Copies } from "../../src/relay/mirror/copies.ts";
import { CopyPhase } from "../../src/relay/mirror/copy.ts";
import type { Descriptors } from "../../src/system/descriptors.ts";
import { holds } from "../model/fuzz.ts";
import type { FakeKernel } from "./fake-kernel.ts";
import { ticketKey } from "./operation.ts";
import { isOfAttempt, isOfCopy, isOfEnd } from "./tenancy.ts";

/** What of a loop its checks look at. */
export interface LoopInside {
  readonly ledger: { readonly running: Iterable<UringConduit> };
  /** Conduits that are nobody's. */
  readonly ends: { readonly slots: readonly UringEnd[] };
  readonly memory: Memory;
  readonly chunks: Chunks;
  readonly hall: {
    readonly kind: { readonly spare: readonly UringConduit[] };
    readonly descriptors: Descriptors;
    readonly copies: Copies;
  };
  readonly pages: Pages;
  readonly copyTable: { readonly slots: readonly UringCopy[] };
  readonly connector: Connector;
}

/** With so many descriptors left nothing is put off because of them. */
const MANY_DESCRIPTORS = 1_000;
/** Milliseconds after which a dial tries another address, with those in which that is submitted. */
const NEXT_ATTEMPT_MS = 250 + 100;
const ATTEMPTS_MAX = 4;

/** The rules that hold between any two turns. */
export function checkLoop(inside: LoopInside, kernel: FakeKernel): void {
  const known = ticketsOf(inside, kernel);
  let waiting = 0;
  for (const end of inside.ends.slots) checkEnd(end, known);
  for (const conduit of conduitsOf(inside)) {
    const isFree = conduit.relay.phase === RelayPhase.Free;
    checkDial(inside, conduit, kernel);
    for (const lane of [conduit.up, conduit.down]) {
      checkLane(lane, conduit);
      checkPaused(lane, kernel);
      checkPace(lane, conduit);
      waiting += checkQueue(inside, lane, kernel);
      holds(!isFree || lane.queue.count === 0, "a relay that is over holds no chunk");
    }
  }
  checkAttempts(inside, kernel);
  checkCopies(inside, kernel);
  holds(inside.chunks.used === waiting, "every chunk is in the queue of a lane");
  checkMemory(inside.memory);
}

function conduitsOf({ ledger, hall }: LoopInside): UringConduit[] {
  return [...ledger.running, ...hall.kind.spare];
}

/** What the kernel has of copies is counted, and a copy that is over has nothing. */
function checkCopies({ copyTable: { slots } }: LoopInside, kernel: FakeKernel): void {
  const perSlot = new Map<number, number>();
  const sending = new Set<number>();
  const entries = [...kernel.inFlight].map(({ entry }) => entry);
  for (const { low, high } of [...entries, ...kernel.prepared]) {
    if (!isOfCopy(low)) continue;
    if (operationOf(low) === Operation.MirrorSend) sending.add(slotOf(low));
    const copy = slots[slotOf(low)];
    const isTenant = copy?.generation === high && copy.phase !== CopyPhase.Over;
    holds(isTenant, "no operation outlives its copy");
    perSlot.set(slotOf(low), (perSlot.get(slotOf(low)) ?? 0) + 1);
  }
  for (const copy of slots) {
    const { backlog } = copy as unknown as { backlog: Backlog };
    holds(copy.pending === (perSlot.get(copy.slot) ?? 0), "pending: what the kernel has of a copy");
    holds(backlog.size <= backlog.limit, "of a copy no more waits than may");
    const isSent = copy.phase !== CopyPhase.Open || backlog.size === 0 || sending.has(copy.slot);
    holds(isSent, "what waits for a mirror that has answered is on its way");
    if (copy.phase !== CopyPhase.Over) continue;
    holds(copy.descriptor === -1 && backlog.size === 0, "a copy that is over holds nothing");
  }
}

interface Tickets {
  readonly tickets: ReadonlySet<number>;
  readonly perSlot: ReadonlyMap<number, number>;
  /** Of these, how many only wait for their notification. */
  readonly freeing: ReadonlyMap<number, number>;
}

/** What the kernel has of ends, submitted or about to be. */
function ticketsOf({ ends: { slots } }: LoopInside, kernel: FakeKernel): Tickets {
  const tickets = new Set<number>();
  const perSlot = new Map<number, number>();
  const entries = [...kernel.inFlight].map(({ entry }) => entry);
  for (const { low, high } of [...entries, ...kernel.prepared]) {
    if (!isOfEnd(low)) continue;
    const slot = slotOf(low);
    const end = slots[slot];
    holds(end?.generation === high && end.owner !== null, "no operation outlives its end");
    tickets.add(ticketKey(low, high));
    perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1);
  }
  const freeing = new Map<number, number>();
  for (const { entry, usedUntil } of kernel.inFlight) {
    const slot = slotOf(entry.low);
    if (usedUntil !== null) freeing.set(slot, (freeing.get(slot) ?? 0) + 1);
  }
  return { tickets, perSlot, freeing };
}

/** Attempts are what the kernel has of them. */
function checkAttempts({ connector }: LoopInside, kernel: FakeKernel): void {
  const known = new Set<number>();
  const entries = [...kernel.inFlight].map(({ entry }) => entry);
  for (const { low, high } of [...entries, ...kernel.prepared]) {
    if (isOfAttempt(low)) known.add(ticketKey(low, high));
  }
  let count = 0;
  for (const { generation, operation, owner, slot } of connector.slots) {
    if (operation === Operation.Ignored) {
      holds(owner === null, "an attempt that is over is nobody's");
      continue;
    }
    count++;
    const ticket = ticketKey(ticketLow(operation, slot), generation);
    holds(known.has(ticket), "an attempt is under way exactly when the kernel has it");
  }
  holds(known.size === count, "the kernel has no attempt that is over");
  holds(connector.count === count, "an attempt that is over is spare");
}

/** A dial has its attempts, not too many, and the next one is not forgotten. */
function checkDial(
  { hall: { descriptors } }: LoopInside,
  conduit: UringConduit,
  kernel: FakeKernel,
): void {
  const { attempts, relay, untried } = conduit;
  holds(attempts.length <= ATTEMPTS_MAX, "a dial has a few attempts at a time");
  holds(relay.dialing || attempts.length === 0, "only a dial under way has attempts");
  const isTheirs = attempts.every(({ owner }) => owner === conduit);
  holds(isTheirs, "an attempt tells the relay that waits for it");
  if (untried.length === 0) return;
  holds(attempts.length > 0, "only a dial under way has addresses to try");
  const begun = attempts.map(({ generation, slot }) =>
    kernel.tenancy(ticketLow(Operation.Socket, slot), generation),
  );
  const last = Math.max(...begun.map(({ dialledAt }) => dialledAt));
  const isSoon = performance.now() - last < NEXT_ATTEMPT_MS;
  const isPrepared = begun.some(({ dialledAt }) => dialledAt === 0);
  const mayWait = descriptors.left < MANY_DESCRIPTORS || isPrepared;
  holds(isSoon || mayWait, "the next address is tried in time");
}

/** Whether a prompt send to it was over silently, and the loop is not sure yet. */
function isSilent({ slot, generation, isPrompt }: UringEnd, tickets: ReadonlySet<number>): boolean {
  return isPrompt && !tickets.has(ticketKey(ticketLow(Operation.Send, slot), generation));
}

/** `armed`, `sendPending`, `watching` and `pending` are the truth. */
function checkEnd(end: UringEnd, { tickets, perSlot, freeing }: Tickets): void {
  const { slot, generation } = end;
  const has = (operation: Operation) =>
    tickets.has(ticketKey(ticketLow(operation, slot), generation));
  holds(end.armed === has(Operation.Receive), "armed: the kernel has a receive");
  const isSending = end.sendPending || end.noticePending;
  const isKnown = has(Operation.Send) || isSilent(end, tickets);
  holds(isSending === isKnown, "sendPending: the kernel has a send");
  holds(end.watching === has(Operation.Watch), "watching: the kernel has a watch");
  const queued = end.outgoing?.queue.count ?? 0;
  holds(!end.sendPending || queued > 0, "what is being sent stays in the queue");
  const most = perSlot.get(slot) ?? 0;
  // A zero-copy send that only has to say that its bytes are free may count or not.
  const least = most - (freeing.get(slot) ?? 0);
  const mine = end.pending - (isSilent(end, tickets) ? 1 : 0);
  holds(mine >= least && mine <= most, "pending: exactly what the kernel has of the end");
  if (end.owner === null) holds(end.descriptor === -1, "an end that is nobody's is closed");
}

function checkLane(lane: UringLane, { relay, up }: UringConduit): void {
  const { flow, source } = lane;
  holds(flow.size <= flow.limit, "a flow holds at most its limit");
  if (relay.phase !== RelayPhase.Relaying || flow.over) return;
  const isHeld = source?.waiting === true || lane.isResting;
  const isServed = source?.armed === true || isHeld || (lane.discards && lane === up);
  const stands = source === null && lane !== up;
  holds(!flow.receiving || isServed || stands, "a receive that the flow waits for is under way");
}

/** A source that is not to be read is not read: its receive is cancelled, or about to be. */
function checkPaused({ flow, source }: UringLane, kernel: FakeKernel): void {
  if (source === null || !source.armed || flow.receiving || flow.phase !== Phase.Open) return;
  const { slot, generation } = source;
  const low = ticketLow(Operation.Receive, slot);
  const isReceiving = kernel.find(low, generation) !== null;
  const cancels = kernel.prepared.some(
    ({ opcode, addressLow, addressHigh }) =>
      opcode === Opcode.AsyncCancel && addressLow === low && addressHigh === generation,
  );
  const isNew = kernel.prepared.some((one) => one.low === low && one.high === generation);
  holds(!isReceiving || cancels || isNew, "a flow that is paused does not go on receiving");
}

/** No flow is faster than its rate, but for a burst; only what came before a reset is read at once. */
function checkPace({ flow }: UringLane, { listener, relay, ageMs }: UringConduit): void {
  const { upRate, downRate } = listener.options.edge;
  const rate = flow === relay.up ? upRate : downRate;
  if (rate === 0 || relay.reason !== null) return;
  const most = Math.max(16 * 1024, rate / 4) + (rate * ageMs) / 1_000;
  holds(flow.receivedBytes <= most, "no flow is faster than its rate");
}

/** The queue is what the flow counts, and the kernel has none of its buffers. @returns chunks */
function checkQueue(
  { chunks, memory }: LoopInside,
  { flow, queue }: UringLane,
  kernel: FakeKernel,
): number {
  let count = 0;
  let size = 0;
  for (let chunk = queue.first; chunk >= 0; chunk = chunks.next[chunk] as number) {
    count++;
    size += (chunks.end[chunk] as number) - (chunks.start[chunk] as number);
    const buffer = chunks.buffer[chunk] as number;
    const ring = kernel.buffers.get(memory.group(queue.direction, (buffer & LARGE) !== 0).id);
    const isShared = ring?.isIncremental === true;
    holds(isShared || ring?.has(buffer & ~LARGE) !== true, "no buffer is provided that waits");
  }
  holds(count === queue.count, "count: the chunks of the queue");
  holds(size === queue.size, "size: the bytes of the queue");
  const isCounted = flow.phase === Phase.Open || flow.phase === Phase.Draining;
  holds(!isCounted || size === flow.size, "the queue holds what the flow counts");
  return count;
}

function groupsOf(memory: Memory): Group[] {
  return [Direction.Up, Direction.Down].flatMap((direction) => [
    memory.group(direction, false),
    memory.group(direction, true),
  ]);
}

/** No buffer is lost or lent twice, and none is lent beyond the bound. */
function checkMemory(memory: Memory): void {
  const groups = groupsOf(memory);
  for (const { provided, held, limit } of groups) {
    holds(provided >= 0 && held >= 0, "a group counts its buffers");
    holds(provided + held <= limit, "a group has at most its limit of buffers");
  }
  for (const slabs of [memory.small, memory.large]) {
    const of = groups.filter((group) => group.slabs === slabs);
    const out = of.reduce((sum, { provided, held }) => sum + provided + held, 0);
    holds(slabs.leased === out, "a buffer that is leased is provided or held");
  }
}

/** Nothing is held any more. */
export function checkNothingHeld(inside: LoopInside, kernel: FakeKernel): void {
  holds(inside.chunks.used === 0, "after a stop no chunk is left");
  for (const group of groupsOf(inside.memory)) {
    holds(group.held === 0, "after a stop no buffer is held");
    const ring = kernel.buffers.get(group.id);
    const { length } = ring?.provided ?? [];
    holds(ring?.isIncremental || group.provided >= length, "the kernel has what was provided");
  }
  for (const { relay } of conduitsOf(inside)) {
    holds(relay.phase === RelayPhase.Free, "after a stop every relay is over");
  }
  for (const { owner, pending } of inside.ends.slots) {
    holds(owner === null && pending === 0, "after a stop no end is anybody's");
  }
  const { memory, mirrors } = inside.pages.stats();
  holds(inside.connector.count === 0, "after a stop no attempt is left");
  const { count } = inside.hall.copies;
  holds(count === 0 && memory.mirrorHeldBytes === 0, "after a stop no copy is left");
  for (const { begun, completed, dropped } of mirrors) {
    const given = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    holds(begun === completed + given, "every copy is complete or given up");
  }
}
