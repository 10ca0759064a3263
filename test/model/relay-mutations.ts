import type { Mutation } from "./mutant.ts";

/**
 * Ways to break relay.ts. Left out, because they change nothing that anybody can see:
 *
 * - dialDropped: without its two conditions. A dial in flight always stands for a send of `up` and
 *   a receive of `down`, so both hold whenever it is called.
 * - reset: without the branch for a terminating relay. Then the reason is set and both flows are
 *   over, so that the lines below it change nothing either.
 * - idle: without the dial. For the same cause as in dialDropped, the flows are not idle while it
 *   is in flight.
 */
export const relayMutations: readonly Mutation[] = [
  {
    what: "from and to: the flow of the other side",
    find: "from(side: Side): Flow {\n    return side === Side.Client ? this.up : this.down;",
    replace: "from(side: Side): Flow {\n    return side === Side.Client ? this.down : this.up;",
  },
  {
    what: "to: the flow of the other side",
    find: "to(side: Side): Flow {\n    return side === Side.Client ? this.down : this.up;",
    replace: "to(side: Side): Flow {\n    return side === Side.Client ? this.up : this.down;",
  },
  { what: "accepted: the same generation", find: "this.generation++;", replace: "" },
  { what: "accepted: still closed", find: "this.closed = false;", replace: "" },
  { what: "accepted: the last tenant's reason", find: "this.reason = null;", replace: "" },
  { what: "accepted: the last tenant's first end", find: "this.firstEnd = null;", replace: "" },
  { what: "accepted: the dial is not noted", find: "this.dialing = dials;", replace: "" },
  {
    what: "accepted: the dial is not noted in the up flow",
    find: "this.up.open(true, dials)",
    replace: "this.up.open(true, false)",
  },
  {
    what: "accepted: relays before the upstream is there",
    find: "dials ? RelayPhase.Dialing : RelayPhase.Relaying",
    replace: "RelayPhase.Relaying",
  },
  {
    what: "accepted: does not dial",
    find: "return dials ? RelayEffect.Dial : RelayEffect.None;",
    replace: "return RelayEffect.None;",
  },
  {
    what: "dialed: the dial stays in flight",
    find: '"dialed: a dial is in flight");\n    this.dialing = false;',
    replace: '"dialed: a dial is in flight");',
  },
  {
    what: "dialed: begins to relay after the end",
    find: "if (this.phase === RelayPhase.Terminating) return this.dialDropped();\n    this.phase",
    replace: "this.phase",
  },
  {
    what: "dialed: dialDropped forgotten",
    find: "if (this.phase === RelayPhase.Terminating) return this.dialDropped();\n    this.phase",
    replace: "if (this.phase === RelayPhase.Terminating) return RelayEffect.None;\n    this.phase",
  },
  {
    what: "dialed: only joins",
    find: "if (this.phase === RelayPhase.Terminating) return this.dialDropped();\n    this.phase",
    replace: "if (this.phase === RelayPhase.Terminating) return this.join();\n    this.phase",
  },
  {
    what: "dialed: still dialling",
    find: "this.phase = RelayPhase.Relaying;\n",
    replace: "",
  },
  { what: "dialed: does not begin", find: "return RelayEffect.Begin;", replace: "return 0;" },
  {
    what: "dialFailed: dials again after the end",
    find: "if (this.phase === RelayPhase.Dialing && another)",
    replace: "if (another)",
  },
  {
    what: "dialFailed: dials again although there is no other upstream",
    find: "if (this.phase === RelayPhase.Dialing && another)",
    replace: "if (this.phase === RelayPhase.Dialing)",
  },
  {
    what: "dialFailed: no other upstream is tried",
    find: "if (this.phase === RelayPhase.Dialing && another) return RelayEffect.Dial;\n",
    replace: "",
  },
  {
    what: "dialFailed: the next dial is not noted",
    find: "if (this.phase === RelayPhase.Dialing && another)",
    replace: "this.dialing = false;\n    if (this.phase === RelayPhase.Dialing && another)",
  },
  {
    what: "dialFailed: the dial stays in flight",
    find: "return RelayEffect.Dial;\n    this.dialing = false;",
    replace: "return RelayEffect.Dial;",
  },
  {
    what: "dialFailed: dialDropped forgotten after the end",
    find: "return this.dialDropped();\n    const effects",
    replace: "return this.join();\n    const effects",
  },
  {
    what: "dialFailed: dialDropped forgotten",
    find: "return effects | this.dialDropped();",
    replace: "return effects;",
  },
  {
    what: "dialFailed: the client is not told",
    find: "return effects | this.dialDropped();",
    replace: "return this.dialDropped();",
  },
  {
    what: "sourceEnded: the last end is taken for the first",
    find: 'this.firstEnd ??= side === Side.Client ? "client_fin" : "upstream_fin";',
    replace: 'this.firstEnd = side === Side.Client ? "client_fin" : "upstream_fin";',
  },
  {
    what: "sourceEnded: sides mixed up",
    find: '"client_fin" : "upstream_fin";',
    replace: '"upstream_fin" : "client_fin";',
  },
  {
    what: "sourceEnded: ends both flows",
    find: '"upstream_fin";\n    return this.from(side)',
    replace: '"upstream_fin";\n    this.to(side).sourceEnded();\n    return this.from(side)',
  },
  {
    what: "sourceEnded: of the other flow",
    find: '"upstream_fin";\n    return this.from(side)',
    replace: '"upstream_fin";\n    return this.to(side)',
  },
  {
    what: "reset: the last reason wins",
    find: 'this.reason ??= side === Side.Client ? "client_reset" : "upstream_reset";',
    replace: 'this.reason = side === Side.Client ? "client_reset" : "upstream_reset";',
  },
  {
    what: "reset: without a reason",
    find: 'this.reason ??= side === Side.Client ? "client_reset" : "upstream_reset";',
    replace: "",
  },
  {
    what: "reset: sides mixed up",
    find: '"client_reset" : "upstream_reset";',
    replace: '"upstream_reset" : "client_reset";',
  },
  {
    what: "reset: sends on to the end that is gone",
    find: "this.to(side).abort();\n",
    replace: "",
  },
  {
    what: "reset: what came before is lost",
    find: "this.to(side).abort();\n",
    replace: "this.to(side).abort();\n    this.from(side).abort();\n",
  },
  {
    what: "reset: the wrong flow is aborted",
    find: "this.to(side).abort();\n    return",
    replace: "this.from(side).abort();\n    return",
  },
  {
    what: "reset: is not the end of its source",
    find: "this.to(side).abort();\n    return this.from(side).sourceEnded();",
    replace: "this.to(side).abort();\n    return Effect.None;",
  },
  {
    what: "reset: a late one is not noted",
    find: "this.from(side).sourceEnded();\n      return Effect.None;",
    replace: "return Effect.None;",
  },
  {
    what: "passesEnd: a reset travels as FIN",
    find: "return this.reason === null;",
    replace: "return true;",
  },
  {
    what: "passesEnd: a FIN does not travel",
    find: "return this.reason === null;",
    replace: "return false;",
  },
  {
    what: "settle: of a free slot",
    find: "if (this.phase === RelayPhase.Free) return RelayEffect.None;\n",
    replace: "",
  },
  {
    what: "settle: does not join",
    find: "if (this.phase === RelayPhase.Terminating) return this.join();\n",
    replace: "if (this.phase === RelayPhase.Terminating) return RelayEffect.None;\n",
  },
  {
    what: "settle: a client that is gone is dialled for",
    find: "this.phase === RelayPhase.Dialing && this.reason !== null",
    replace: "false",
  },
  {
    what: "settle: any reset ends the relay at once",
    find: "this.phase === RelayPhase.Dialing && this.reason !== null",
    replace: "this.reason !== null",
  },
  {
    what: "settle: a relay that dials is taken for gone",
    find: "this.phase === RelayPhase.Dialing && this.reason !== null",
    replace: "this.phase === RelayPhase.Dialing",
  },
  {
    what: "settle: one ended flow is enough",
    find: "!(this.up.over && this.down.over)",
    replace: "!(this.up.over || this.down.over)",
  },
  {
    what: "settle: only the up flow counts",
    find: "!(this.up.over && this.down.over)",
    replace: "!this.up.over",
  },
  {
    what: "settle: only the down flow counts",
    find: "!(this.up.over && this.down.over)",
    replace: "!this.down.over",
  },
  {
    what: "settle: a reset does not terminate",
    find: "if (this.reason !== null) return this.terminate(this.reason);\n",
    replace: "",
  },
  {
    what: "settle: two ends without a reason",
    find: "this.reason = this.firstEnd;\n",
    replace: "",
  },
  {
    what: "settle: two ends, still relaying",
    find: "this.reason = this.firstEnd;\n    this.phase = RelayPhase.Terminating;\n",
    replace: "this.reason = this.firstEnd;\n",
  },
  {
    what: "settle: two ends, not closed",
    find: "this.phase = RelayPhase.Terminating;\n    return this.join();",
    replace: "this.phase = RelayPhase.Terminating;\n    return RelayEffect.None;",
  },
  {
    what: "terminate: twice",
    find: "if (this.phase === RelayPhase.Terminating) return RelayEffect.None;\n    this.phase",
    replace: "this.phase",
  },
  {
    what: "terminate: is not noted",
    find: "this.phase = RelayPhase.Terminating;\n    this.reason ??= reason;",
    replace: "this.reason ??= reason;",
  },
  {
    what: "terminate: the last reason wins",
    find: "this.reason ??= reason;",
    replace: "this.reason = reason;",
  },
  { what: "terminate: without a reason", find: "this.reason ??= reason;", replace: "" },
  {
    what: "terminate: the up flow goes on",
    find: "this.up.abort();\n    this.down.abort();",
    replace: "this.down.abort();",
  },
  {
    what: "terminate: the down flow goes on",
    find: "this.up.abort();\n    this.down.abort();",
    replace: "this.up.abort();",
  },
  {
    what: "terminate: the ends are not told",
    find: "return RelayEffect.Terminate | this.join();",
    replace: "return this.join();",
  },
  {
    what: "terminate: does not close what is idle",
    find: "return RelayEffect.Terminate | this.join();",
    replace: "return RelayEffect.Terminate;",
  },
  {
    what: "terminate: closes at once",
    find: "return RelayEffect.Terminate | this.join();",
    replace: "this.closed = true;\n    return RelayEffect.Terminate | RelayEffect.Close;",
  },
  { what: "free: is not noted", find: "this.phase = RelayPhase.Free;\n", replace: "" },
  {
    what: "idle: forgets the up flow",
    find: "return !this.dialing && this.up.idle && this.down.idle;",
    replace: "return !this.dialing && this.down.idle;",
  },
  {
    what: "idle: forgets the down flow",
    find: "return !this.dialing && this.up.idle && this.down.idle;",
    replace: "return !this.dialing && this.up.idle;",
  },
  {
    what: "join: closes before it is idle",
    find: "if (this.closed || !this.idle) return RelayEffect.None;",
    replace: "if (this.closed) return RelayEffect.None;",
  },
  {
    what: "join: closes twice",
    find: "if (this.closed || !this.idle) return RelayEffect.None;",
    replace: "if (!this.idle) return RelayEffect.None;",
  },
  {
    what: "join: closes without noting it",
    find: "this.closed = true;\n    return RelayEffect.Close;",
    replace: "return RelayEffect.Close;",
  },
  { what: "join: does not close", find: "return RelayEffect.Close;", replace: "return 0;" },
  {
    what: "dialDropped: the up flow waits for the dial",
    find: "if (this.up.sending) this.up.sent(0);\n",
    replace: "",
  },
  {
    what: "dialDropped: the down flow waits for the dial",
    find: "if (this.down.receiving) this.down.stopped();\n",
    replace: "",
  },
  {
    what: "dialDropped: does not join",
    find: "this.down.stopped();\n    return this.join();",
    replace: "this.down.stopped();\n    return RelayEffect.None;",
  },
];
