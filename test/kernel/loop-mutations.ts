import type { Mutation } from "../model/mutant.ts";

/** A mutation of the loop, or of what it is made of. */
interface LoopMutation extends Mutation {
  /** Whose stories bite it, unless it is that of all. */
  readonly seed?: number;
}

/**
 * Ways to break the engine on io_uring, by file. Left out, because they change nothing that anybody
 * can see:
 *
 * - completed: without the check of the generation. A slot is free only when nothing of it is in
 *   flight, so that no completion comes for an earlier tenant.
 * - completed (acceptor): without closing what comes for a listener that is gone. It goes when its accept
 *   has ended.
 * - send: while another one is in flight. The flow asks for one at a time.
 * - received: without cutting off what comes for a flow that was given up. It goes with all the rest.
 * - isCrowded: never. What small buffers there are bounds it, too.
 * - mayLag: after the end of the source. Then no receive is under way either.
 * - leave (copy): for as long as the mirror likes. When the faults cease every mirror reads; the contract
 *   has one that does not.
 */
export const loopMutations: Readonly<Record<string, readonly LoopMutation[]>> = {
  "group.ts": [
    {
      what: "a buffer that was sent is not given back",
      seed: 1,
      find: "if (uses === 0 && this.open[index] === 0) this.comeBack(index);",
      replace: "",
    },
    {
      what: "a buffer is given back while chunks of it wait",
      seed: 8,
      find: "if (uses === 0 && this.open[index] === 0) this.comeBack(index);",
      replace: "if (this.open[index] === 0) this.comeBack(index);",
    },
    {
      what: "a buffer is given back while the kernel fills it",
      find: "if (uses === 0 && this.open[index] === 0) this.comeBack(index);",
      replace: "if (uses === 0) this.comeBack(index);",
    },
    {
      what: "buffers are provided beyond the limit",
      seed: 6,
      find: "this.provided < this.level && this.provided + this.held < this.limit",
      replace: "this.provided < this.level",
    },
    {
      what: "a buffer that came back empty is forgotten",
      seed: 16,
      find: "    this.provided--;\n    this.provide(index);\n  }\n\n  /** Whether one chunk",
      replace: "  }\n\n  /** Whether one chunk",
    },
    {
      what: "every chunk begins where its buffer begins",
      seed: 3,
      find: "this.filled[index] = start + size;",
      replace: "",
    },
  ],
  "buffer-ring.ts": [
    {
      what: "what was provided is not shown",
      find: "Atomics.store(this.halfwords, TAIL_HALFWORD, this.tail);",
      replace: "",
    },
  ],
  "memory.ts": [
    {
      what: "who waits for buffers is never fed",
      seed: 7,
      find: "if (end.hasBuffers) end.feed();\n      else this.waiting.push(end);",
      replace: "this.waiting.push(end);",
    },
    {
      what: "who waits for buffers is fed at once",
      seed: 6,
      find: "if (end.hasBuffers) end.feed();",
      replace: "if (true) end.feed();",
    },
  ],
  "chunks.ts": [
    { what: "a chunk that is released stays used", find: "this.used--;", replace: "" },
    {
      what: "a chunk is not the last one",
      find: "    this.next[chunk] = NONE;\n    this.buffer",
      replace: "    this.buffer",
    },
  ],
  "chain.ts": [
    {
      what: "a chunk that was sent keeps its buffer",
      find: "memory.released(this.direction, chunks.buffer[chunk] as number);",
      replace: "",
    },
    {
      what: "a mirror gets the first of several chunks only",
      seed: 10,
      find: "      left -= length;\n    }\n    return views;",
      replace: "      break;\n    }\n    return views;",
    },
    {
      what: "what came too late stays in the queue",
      seed: 1,
      find: "    this.last = before;\n    while (chunk !== NONE) {",
      replace: "    this.last = before;\n    while (false) {",
    },
  ],
  "../../relay/lane.ts": [
    {
      what: "a mirror gets all that is queued, not what was sent",
      seed: 10,
      find: "for (const view of queue.views(0, size)) this.copy.push(view);",
      replace: "for (const view of queue.views(0, queue.size)) this.copy.push(view);",
    },
    {
      what: "a short send counts as a whole one",
      find: "      queue.consume(size);\n    }\n    let effects = flow.sent(size);",
      replace: "      queue.consume(asked);\n    }\n    let effects = flow.sent(asked);",
    },
    {
      what: "a receive that was cancelled is never asked for again",
      find: "if (this.wantsMore) this.receive(false);\n    else if (flow.receiving) flow.stopped();",
      replace: "if (flow.receiving && !this.wantsMore) flow.stopped();",
    },
    {
      what: "bytes that came after the pause are not counted",
      seed: 5,
      find: "const kept = flow.flushed(size, queue.room);",
      replace: "const kept = size;",
    },
    {
      what: "a receive brings more than the rate allows",
      seed: 55,
      find: "      if (source.isReceiving) return;\n      most = pacing.allowance();",
      replace:
        "      if (source.isReceiving) return;\n      most = pacing.allowance() > 0 ? 1 << 20 : 0;",
    },
    {
      what: "what was received does not count for the rate",
      seed: 55,
      find: "if (this.pacing !== null && this.pacesSource) this.pacing.used(size);",
      replace: "",
    },
    {
      what: "who has rested does not go on",
      seed: 55,
      find: "      if (this.wantsMore) this.receive(false);\n    } else this.sendOn();",
      replace: "    } else this.sendOn();",
    },
    {
      what: "the queue is forgotten while it is sent",
      find: "if (this.target === null || !this.target.holdsQueue) this.queue.clear();",
      replace: "this.queue.clear();",
    },
    {
      what: "a send is prompt although its source waits for it",
      find: "return this.flow.phase === Phase.Open && source !== null && source.isReceiving;",
      replace: "return this.flow.phase === Phase.Open;",
    },
    {
      what: "who was full is never read again",
      seed: 7,
      find: "if (flow.starved && queue.isRoomy) effects |= flow.fed();",
      replace: "",
    },
  ],
  "end.ts": [
    {
      what: "a paused end is still read",
      seed: 5,
      find: "    if (this.armed && !this.cancelling) this.cancelReceive();\n    this.watch();",
      replace: "    this.watch();",
    },
    {
      what: "a receive that found no buffer is armed at once, whether there are any or not",
      seed: 7,
      find: "if (!lane.wantsMore || !group.dry || group.slabs === memory.large) {",
      replace: "if (lane.wantsMore) {",
    },
    {
      what: "a receive is armed twice",
      find: "if (this.armed || this.waiting || this.descriptor < 0) return;",
      replace: "if (this.waiting || this.descriptor < 0) return;",
    },
    {
      what: "a multishot receive counts as armed when it has ended",
      find: "      this.armed = false;\n      this.cancelling = false;\n      this.pending--;",
      replace: "      this.cancelling = false;\n      this.pending--;",
    },
    {
      what: "EAGAIN of a send loses its target",
      find: "else if (isTemporary(-sent)) lane.sent(0, 0);\n    else lane.targetLost();",
      replace: "else lane.targetLost();",
    },
    {
      what: "a prompt send that has told counts as taken whole",
      seed: 37,
      find: "    if (!this.isPrompt) return false;\n",
      replace: "    if (!this.sendPending) return false;\n",
    },
    {
      what: "sends are not cancelled at the end",
      seed: 11,
      find: "if (this.sendPending) this.cancelOperation(Operation.Send);",
      replace: "",
    },
    {
      what: "receives are not cancelled at the end",
      seed: 5,
      find: "if (this.armed) this.cancelOperation(Operation.Receive);",
      replace: "",
    },
    {
      what: "watches are not cancelled at the end",
      find: "if (this.watching) this.cancelOperation(Operation.Watch);",
      replace: "",
    },
    {
      what: "an end is somebody else's while the kernel still reads what was queued for it",
      seed: 12,
      find: "if (this.descriptor >= 0 || this.noticePending || owner === null) return;",
      replace: "if (this.descriptor >= 0 || owner === null) return;",
    },
  ],
  "../../relay/completing-conduit.ts": [
    {
      what: "a relay is closed while operations of it are in flight",
      find: "      client?.cancel();\n      upstream?.cancel();\n      return;\n",
      replace: "      client?.cancel();\n      upstream?.cancel();\n",
    },
    {
      what: "a relay that was cut is closed by FIN",
      find: 'this.endsCleanly || reason === "client_fin" || reason === "upstream_fin";',
      replace: "reason !== null;",
    },
    {
      what: "the upstream's descriptor stays open",
      find: "    upstream?.close(isClean);\n",
      replace: "",
    },
  ],
  "../../relay/conduit.ts": [
    {
      what: "of whom nothing is known passes for a unix client",
      find: "clientOf(options.address, () => client.otherAddress)",
      replace: 'clientOf({ kind: "unix" }, () => client.otherAddress)',
    },
    {
      what: "a copy does not hear of its relay's end",
      seed: 9,
      find: "    this.copy?.leave(this.endsCleanly);\n",
      replace: "",
    },
    {
      what: "a reset is passed on as an end",
      find: "if (!this.relay.passesEnd) {",
      replace: "if (this.relay.phase === RelayPhase.Free) {",
    },
    {
      what: "a relay that ends is dialled for on and on",
      find: "    this.host.dialer.drop(this as never);\n",
      replace: "",
    },
    {
      what: "a relay that ends goes on waiting for an upstream",
      seed: 100,
      find: "    this.branch.waiting.delete(this as never);\n",
      replace: "",
    },
  ],
  "../../relay/dialer.ts": [
    {
      what: "attempts go on when another one was faster",
      seed: 1,
      find: "if (one !== answered) one.abandon();",
      replace: "",
    },
    {
      what: "another address is tried after the upstream has answered",
      seed: 5,
      find: "    relay.untried = NONE;\n    for",
      replace: "    for",
    },
    {
      what: "the next address is tried when the others have failed",
      seed: 40,
      find: "      this.beginNext(relay);\n    }\n  }\n\n  /** A dial has failed",
      replace: "    }\n  }\n\n  /** A dial has failed",
    },
    {
      what: "all addresses of a name are tried at once",
      seed: 3,
      find: "if (attempts.length === ATTEMPTS_MAX) attempts.shift()?.abandon();",
      replace: "",
    },
    {
      what: "an attempt that gives way goes on",
      seed: 37,
      find: "attempts.shift()?.abandon();",
      replace: "attempts.shift();",
    },
    {
      what: "an attempt that has failed stays the dial's",
      seed: 4,
      find: "    attempts.splice(attempts.indexOf(attempt), 1);\n",
      replace: "",
    },
  ],
  "connector.ts": [
    {
      what: "an attempt that was abandoned is not cancelled",
      find: "    this.loop.prepare.cancel(ticketLow(this.operation, this.slot), this.generation);\n",
      replace: "",
    },
    {
      what: "an attempt that was abandoned tells all the same",
      find: "    this.owner = null;\n    this.loop.prepare",
      replace: "    this.loop.prepare",
    },
    {
      what: "an attempt that nobody waits for is relayed to",
      find: "if (result < 0 || owner === null) this.close(",
      replace: "if (result < 0) this.close(",
    },
    {
      what: "an attempt is used again while the kernel has something of it",
      find: "    const attempt = this.spare.pop() ?? this.add();",
      replace: "    const attempt = this.spare.pop() ?? this.slots[0] ?? this.add();",
    },
    {
      what: "an attempt that was answered is never used again",
      find: "      connector.release(this);\n      owner.attemptAnswered",
      replace: "      owner.attemptAnswered",
    },
    {
      what: "the descriptor of an attempt that failed stays open",
      find: "loop.closeSocket(descriptor, false);",
      replace: "",
    },
    {
      what: "the descriptor of an attempt that failed stays counted",
      find: "    loop.hall.descriptors.closed(1);\n    this.lost(dialCode",
      replace: "    this.lost(dialCode",
    },
    {
      what: "a stop does not wait for attempts",
      find: "    return this.slots.length - this.spare.length;",
      replace: "    return 0;",
    },
  ],
  "../../relay/relay-story.ts": [
    {
      what: "an answer is for whoever has the slot",
      seed: 7,
      find: "return generation === tenant && isSameDial && dialing;",
      replace: "return isSameDial && dialing;",
    },
    {
      what: "an answer is for whichever dial there is",
      seed: 1,
      find: "const isSameDial = this.dials === dial && this.upstreamSlot !== null;",
      replace: "const isSameDial = true;",
    },
    {
      what: "an answer is for a relay that waits, too",
      seed: 1,
      find: "const isSameDial = this.dials === dial && this.upstreamSlot !== null;",
      replace: "const isSameDial = this.dials === dial;",
    },
  ],
  "acceptor.ts": [
    {
      what: "an accept that has ended is not armed again",
      find: "      if (this.isOpen) this.arm(key, listener);\n    } else {",
      replace: "    } else {",
    },
    {
      what: "who waits to be accepted is reset by a stop",
      seed: 16,
      find: "loop.accept(listener, accepted);",
      replace: "loop.closeNow(accepted);",
    },
    {
      what: "who waits behind a client that has left is reset by a stop",
      seed: 16,
      find: "else if (isGoodbye(-accepted)) failures++;",
      replace: "",
    },
  ],
  "../../relay/mirror/copy.ts": [
    {
      what: "what the mirror has left is forgotten",
      seed: 35,
      find: "      rest = bytes.subarray(taken);\n",
      replace: "      return;\n",
    },
    {
      what: "bytes overtake those that wait for the mirror",
      seed: 35,
      find: "if (this.phase === CopyPhase.Open && this.backlog.size === 0) {",
      replace: "if (this.phase === CopyPhase.Open) {",
    },
    {
      what: "what the mirror has taken is sent again",
      seed: 21,
      find: "    backlog.consume(size);\n",
      replace: "",
    },
    {
      what: "the mirror is told the end before the last byte",
      seed: 23,
      find: "if (this.phase !== CopyPhase.Open || this.backlog.size > 0) return;",
      replace: "if (this.phase !== CopyPhase.Open) return;",
    },
    {
      what: "an orderly end is a reset for the mirror",
      seed: 38,
      find: "    this.end = End.Fin;\n",
      replace: "",
    },
    {
      what: "the mirror's own end is not waited for",
      seed: 26,
      find: "      if (this.mirrorEnded) this.closeNow(true);\n",
      replace: "",
    },
  ],
  "copy.ts": [
    {
      what: "a copy's connection is closed while an operation uses it",
      seed: 4,
      find: "    if (this.pending > 0) return;\n",
      replace: "",
    },
    {
      what: "what a mirror answers is received once",
      seed: 14,
      find: "else if (result > 0 || mayTryAgain(-result)) this.receive();",
      replace: "else if (result > 0) return;\n    else if (mayTryAgain(-result)) this.receive();",
    },
    {
      what: "a send to a mirror that was interrupted is the last one",
      seed: 113,
      find: "else if (mayTryAgain(-result)) this.sendWaiting();",
      replace: "else if (mayTryAgain(-result)) return;",
    },
    {
      what: "one send is all that a mirror gets of what waits",
      seed: 35,
      find: "      this.took(result);\n      this.sendWaiting();\n",
      replace: "      this.took(result);\n",
    },
    {
      what: "a mirror's dial that was given up is waited for",
      find: "    this.connecting?.abandon();\n",
      replace: "",
    },
  ],
  "loop.ts": [
    {
      what: "completions are left lying",
      seed: 2,
      find: "      this.completed(at);\n",
      replace: "      if (this.events % 64 !== 0) this.completed(at);\n",
    },
    { what: "alarms do not ring", find: "    this.alarms.run();\n", replace: "" },
    { what: "buffers are not provided", find: "    this.memory.refill();\n", replace: "" },
    {
      what: "prompt sends count as over before they are submitted",
      seed: 37,
      find: "this.kernel.unsubmitted === 0 && !this.kernel.isOverflown",
      replace: "!this.kernel.isOverflown",
    },
    {
      what: "prompt sends count as over while completions wait in the kernel",
      seed: 179,
      find: "this.kernel.unsubmitted === 0 && !this.kernel.isOverflown",
      replace: "this.kernel.unsubmitted === 0",
      // One story in a thousand comes to it; those of this seed within some hundreds.
    },
    {
      what: "the eventfd is read once",
      find: "        this.listenForWake();\n        this.report.woken();",
      replace: "        this.report.woken();",
    },
  ],
  "prompt-sends.ts": [
    {
      what: "prompt sends are never over",
      find: "if ((ends[i] as UringEnd).promptSent()) this.silent++;",
      replace: "",
    },
  ],
  "../../relay/hall.ts": [
    {
      what: "a stop leaves copies behind",
      seed: 206,
      find: "if (this.copies.count > 0) this.copies.hurry();\n    else this.carrier.stopped(this.ending.cutCount);",
      replace: "this.carrier.stopped(this.ending.cutCount);",
    },
    {
      what: "accepting pauses for good",
      seed: 3,
      find: "      this.carrier.resume();\n",
      replace: "",
    },
  ],
  "../../kinds/stream/kind.ts": [
    {
      what: "a relay has two tenants at a time",
      find: "if (this.spare.length < SPARE_MAX) this.spare.push(relay);",
      replace: "this.spare.push(relay, relay);",
    },
  ],
  "../../relay/ending/ending.ts": [
    {
      what: "relays go on after the drain",
      seed: 5,
      find: "for (const relay of this.running) this.cut(relay);",
      replace: "",
    },
  ],
};
