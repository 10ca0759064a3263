import type { Mutation } from "./mutant.ts";

/**
 * Ways to break flow.ts. Left out, because they change nothing that anybody can see:
 *
 * - next: without its first line. When a flow is over nothing is queued, and both other rules name
 *   their phase; the line says so, and is the shortest way out.
 * - next: End without `size === 0`. When bytes are queued, the first rule has just made `sending`
 *   true.
 */
export const flowMutations: readonly Mutation[] = [
  // What next() decides, rule by rule.
  {
    what: "Send although a send is in flight",
    find: "if (!this.sending && this.size > 0) {",
    replace: "if (this.size > 0) {",
  },
  {
    what: "Send of nothing",
    find: "if (!this.sending && this.size > 0) {",
    replace: "if (!this.sending && this.size >= 0) {",
  },
  {
    what: "Send only of more than one byte",
    find: "if (!this.sending && this.size > 0) {",
    replace: "if (!this.sending && this.size > 1) {",
  },
  {
    what: "Send is not noted as in flight",
    find: "this.sending = true;\n      effects |= Effect.Send;",
    replace: "effects |= Effect.Send;",
  },
  { what: "Send is not asked for", find: "effects |= Effect.Send;", replace: "" },
  {
    what: "Receive from a source that ended",
    find: "this.phase === Phase.Open &&\n      !this.receiving",
    replace: "!this.receiving",
  },
  {
    what: "Receive although one is pending (liburing #1338)",
    find: "!this.receiving &&\n",
    replace: "",
  },
  { what: "Receive although the pool is empty", find: "!this.starved &&\n", replace: "" },
  {
    what: "Receive only while the pool is empty",
    find: "!this.starved &&",
    replace: "this.starved &&",
  },
  {
    what: "Receive behind a lost byte",
    find: "!this.starved &&\n      this.lostBytes === 0 &&",
    replace: "!this.starved &&",
  },
  {
    what: "Receive although bytes wait",
    find: "&&\n      this.size <= this.receiveBelow\n",
    replace: "\n",
  },
  {
    what: "Receive although one byte too many waits",
    find: "this.size <= this.receiveBelow\n",
    replace: "this.size <= this.receiveBelow + 1\n",
  },
  {
    what: "Receive one byte too late",
    find: "this.size <= this.receiveBelow\n",
    replace: "this.size < this.receiveBelow\n",
  },
  {
    what: "Receive as far as the limit, without room for a flush",
    find: "this.size <= this.receiveBelow\n",
    replace: "this.size + this.receiveMax <= this.limit\n",
  },
  {
    what: "Receive is not noted as in flight",
    find: "this.receiving = true;\n      effects |= Effect.Receive;",
    replace: "effects |= Effect.Receive;",
  },
  { what: "Receive is not asked for", find: "effects |= Effect.Receive;", replace: "" },
  {
    what: "End of an open flow",
    find: "if (this.phase === Phase.Draining && !this.sending",
    replace: "if (!this.sending",
  },
  {
    what: "End of an open flow instead of a draining one",
    find: "if (this.phase === Phase.Draining && !this.sending",
    replace: "if (this.phase === Phase.Open && !this.sending",
  },
  {
    what: "End although a send is in flight: before the last byte, or twice",
    find: "Phase.Draining && !this.sending && this.size === 0",
    replace: "Phase.Draining && this.size === 0",
  },
  {
    what: "End although bytes are queued",
    find: "Phase.Draining && !this.sending && this.size === 0",
    replace: "Phase.Draining",
  },
  {
    what: "End is not noted as in flight",
    find: "this.sending = true;\n      effects |= Effect.End;",
    replace: "effects |= Effect.End;",
  },
  { what: "End is not asked for", find: "effects |= Effect.End;", replace: "" },

  // Facts.
  {
    what: "open: does not note the promised receive",
    find: "this.receiving = receivePending;",
    replace: "",
  },
  { what: "open: does not note the dial", find: "this.sending = sendPending;", replace: "" },
  {
    what: "open: stays starved",
    find: "this.size = 0;\n    this.starved = false;",
    replace: "this.size = 0;",
  },
  {
    what: "open: keeps a counter",
    find: "this.lostBytes = 0;\n    this.receiveCount = 0;",
    replace: "this.receiveCount = 0;",
  },
  {
    what: "open: starts nothing",
    find: "this.starvedCount = 0;\n    return this.next();",
    replace: "this.starvedCount = 0;\n    return Effect.None;",
  },
  {
    what: "received: the receive stays in flight",
    find: "this.receiving = false;\n    this.receiveCount++;",
    replace: "this.receiveCount++;",
  },
  {
    what: "received: forgets the bytes that came after an abort",
    find: "if (this.phase === Phase.Aborted) this.lose(size);\n    else this.size += size;",
    replace: "if (this.phase !== Phase.Aborted) this.size += size;",
  },
  {
    what: "received: queues bytes after an abort",
    find: "if (this.phase === Phase.Aborted) this.lose(size);\n    else this.size += size;",
    replace: "this.size += size;",
  },
  {
    what: "received: is not counted in bytes",
    find: "this.receivedBytes += size;\n    if",
    replace: "if",
  },
  {
    what: "flushed: keeps more than the limit",
    find: "Math.min(size, room, this.limit - this.size)",
    replace: "Math.min(size, room)",
  },
  {
    what: "flushed: keeps more than there is memory for",
    find: "Math.min(size, room, this.limit - this.size)",
    replace: "Math.min(size, this.limit - this.size)",
  },
  {
    what: "flushed: keeps bytes of a flow that is over",
    find: "this.phase === Phase.Open && this.lostBytes === 0",
    replace: "this.lostBytes === 0",
  },
  {
    what: "flushed: keeps bytes behind a lost one",
    find: "this.phase === Phase.Open && this.lostBytes === 0",
    replace: "this.phase === Phase.Open",
  },
  {
    what: "flushed: forgets what is lost",
    find: "this.lose(size - kept);",
    replace: "",
  },
  { what: "flushed: forgets what is kept", find: "this.size += kept;", replace: "" },
  {
    what: "stopped: the receive stays in flight",
    find: '"stopped: a receive is in flight");\n    this.receiving = false;',
    replace: '"stopped: a receive is in flight");',
  },
  { what: "starve: has no effect", find: "this.starved = true;", replace: "" },
  {
    what: "starve: counts again",
    find: "if (!this.starved) {",
    replace: "{",
  },
  {
    what: "fed: still starved",
    find: "fed(): Effect {\n    this.starved = false;",
    replace: "fed(): Effect {",
  },
  {
    what: "fed: does not read again",
    find: "fed(): Effect {\n    this.starved = false;\n    return this.next();",
    replace: "fed(): Effect {\n    this.starved = false;\n    return Effect.None;",
  },
  {
    what: "sent: the send stays in flight",
    find: '"sent: a send is in flight");\n    this.sending = false;',
    replace: '"sent: a send is in flight");',
  },
  {
    what: "sent: re-arms the receive by itself (liburing #1338)",
    find: "this.sentBytes += size;\n    return this.next();",
    replace: "this.sentBytes += size;\n    return this.next() | Effect.Receive;",
  },
  {
    what: "sent: stops after a partial send",
    find: "this.sentBytes += size;\n    return this.next();",
    replace: "this.sentBytes += size;\n    return this.size > 0 ? Effect.None : this.next();",
  },
  {
    what: "sent: a late completion after an abort is taken for bytes of the queue",
    find: "if (this.phase === Phase.Aborted) return Effect.None;\n    assert(size",
    replace: "assert(size",
  },
  { what: "sent: the bytes stay queued", find: "this.size -= size;", replace: "" },
  {
    what: "sent: everything is taken for sent",
    find: "this.size -= size;",
    replace: "this.size = 0;",
  },
  { what: "sent: counts no bytes", find: "this.sentBytes += size;", replace: "" },
  {
    what: "sent: counts sends of nothing",
    find: "if (size > 0) {",
    replace: "{",
  },
  {
    what: "sourceEnded: the receive stays in flight",
    find: "sourceEnded(): Effect {\n    this.receiving = false;",
    replace: "sourceEnded(): Effect {",
  },
  {
    what: "sourceEnded: revives a flow that is over",
    find: "if (this.phase === Phase.Open) this.phase = Phase.Draining;",
    replace: "this.phase = Phase.Draining;",
  },
  {
    what: "sourceEnded: is not noted",
    find: "if (this.phase === Phase.Open) this.phase = Phase.Draining;",
    replace: "",
  },
  {
    what: "sourceEnded: the flow is over, without an end for its target",
    find: "if (this.phase === Phase.Open) this.phase = Phase.Draining;",
    replace: "if (this.phase === Phase.Open) this.phase = Phase.Ended;",
  },
  {
    what: "ended: stays in flight",
    find: 'after the last byte");\n    this.sending = false;',
    replace: 'after the last byte");',
  },
  {
    what: "ended: an aborted flow is taken for ended",
    find: "if (this.phase === Phase.Draining) this.phase = Phase.Ended;",
    replace: "this.phase = Phase.Ended;",
  },
  {
    what: "ended: does not end",
    find: "if (this.phase === Phase.Draining) this.phase = Phase.Ended;",
    replace: "",
  },
  {
    what: "what is lost is forgotten, and only added up",
    find: "this.lostBytes += size;\n",
    replace: "",
  },
  { what: "abort: forgets what is lost", find: "this.lose(lost);", replace: "" },
  {
    what: "abort: keeps the queue",
    find: "this.lose(lost);\n    this.size = 0;",
    replace: "this.lose(lost);",
  },
  {
    what: "abort: takes what is in flight for completed",
    find: "this.lose(lost);\n    this.size = 0;",
    replace: "this.lose(lost);\n    this.size = 0;\n    this.receiving = this.sending = false;",
  },
  {
    what: "abort: an ended flow is taken for aborted",
    find: "if (this.phase !== Phase.Ended) this.phase = Phase.Aborted;",
    replace: "this.phase = Phase.Aborted;",
  },
  {
    what: "abort: does not abort",
    find: "if (this.phase !== Phase.Ended) this.phase = Phase.Aborted;",
    replace: "",
  },
  {
    what: "over: only when ended",
    find: "return this.phase === Phase.Ended || this.phase === Phase.Aborted;",
    replace: "return this.phase === Phase.Ended;",
  },
  {
    what: "idle: forgets sends",
    find: "return !this.receiving && !this.sending;",
    replace: "return !this.receiving;",
  },
  {
    what: "idle: forgets receives",
    find: "return !this.receiving && !this.sending;",
    replace: "return !this.sending;",
  },
];
