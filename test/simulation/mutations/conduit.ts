import type { MutationsOf } from "./mutation.ts";

/**
 * Ways to break how a relay begins, ends, and is used again. Left out, because they change nothing that anybody can
 * see:
 *
 * - dialed: without the end of an upstream that could not be told. The next send to it fails.
 * - dialFailed: trying another upstream whatever there is. There is none, and that has the same reason.
 * - dropDial: without leaving the waiting room. Who is over leaves it all the same.
 * - sourceEnded: without settling. What passes the end on settles.
 * - targetLost: leaving the send in flight. Ending the relay, which follows, completes it.
 */
export const conduitMutations: MutationsOf = {
  "relay/conduit.ts": [
    {
      what: "a relay is retired as the last tenant was",
      find: "    this.isRetired = false;\n",
      replace: "",
      story: 10,
    },
    {
      what: "a client's descriptor is not counted",
      find: "host.descriptors.opened((client.isInside ? 0 : 1) + (upstreamInside ? 1 : 0));",
      replace: "",
      story: 0,
    },
    {
      what: "an upstream inside takes no descriptor",
      find: "+ (upstreamInside ? 1 : 0));",
      replace: "+ 0);",
      story: 0,
    },
    {
      what: "an upstream inside keeps its descriptor",
      find: "if (listener.options.upstreamInside) host.descriptors.closed(1);",
      replace: "",
      story: 0,
    },
    {
      what: "a relay waits for no time",
      find: "    listener.begin(this as never);\n",
      replace: "",
      story: 23,
    },
    {
      what: "a sink keeps what it gets",
      find: "this.up.discards = discardsUp;",
      replace: "this.up.discards = false;",
      story: 3,
    },
    {
      what: "one way is both ways",
      find: "this.down.discards = discardsDown;",
      replace: "this.down.discards = false;",
      story: 9,
    },
    {
      what: "up has no pace",
      find: "    this.up.setPace(paces.up);\n",
      replace: "",
      story: 119,
    },
    {
      what: "down has the pace of up",
      find: "this.down.setPace(paces.down);",
      replace: "this.down.setPace(paces.up);",
      story: 284,
    },
    {
      what: "a sink dials",
      find: "this.relay.accepted(dials)",
      replace: "this.relay.accepted(true)",
      story: 11,
    },
    {
      what: "a client is nobody's target",
      find: "    this.down.target = client;\n",
      replace: "",
      story: 13,
    },
    {
      what: "an upstream is nobody's target",
      find: "    this.up.target = upstream;\n",
      replace: "",
      story: 2,
    },
    {
      what: "the upstream is not told who its client is",
      find: "const isTold = wasTold || upstream.sendFirst(header);",
      replace: "const isTold = true;",
      story: 21,
    },
    {
      what: "a mirror does not get the header",
      find: "if (this.copy !== null && header.length > 0) this.copy.push(header);",
      replace: "",
      story: 21,
    },
    {
      what: "a copy has no relay",
      find: "    this.up.copy = this.copy;\n",
      replace: "",
      story: 21,
    },
    {
      what: "a header that is late is none that ends anything",
      find: "    this.up.giveUpStep(reason, false);\n",
      replace: "",
      story: 46,
    },
    {
      what: "the upstream that failed is forgotten, and may be tried again",
      find: "    this.dialLost(reason);\n",
      replace: "",
      story: 0,
    },
    {
      what: "no dial is made again",
      find: "this.relay.dialFailed(this.endFor(reason), this.goesOn)",
      replace: "this.relay.dialFailed(this.endFor(reason), false)",
      story: 0,
    },
    {
      what: "one that was held ends for its last failure",
      find: "this.relay.dialFailed(this.endFor(reason), this.goesOn)",
      replace: "this.relay.dialFailed(reason, this.goesOn)",
      story: 178,
    },
    {
      what: "a dial that is made again leaves out what was tried",
      find: "    this.forgetTried();\n    this.host.dialer",
      replace: "    this.host.dialer",
      story: 259,
    },
    {
      what: "a relay that waited in vain goes on",
      find: "this.perform(this.relay.dialFailed(reason, false));\n    if (this.relay.phase !== RelayPhase.Free) this.settle();\n  }\n\n  giveUpDial",
      replace: "}\n\n  giveUpDial",
      story: 40,
    },
    {
      what: "a dial to an upstream that is gone goes on",
      find: 'this.host.dialer.failed(this as never, reason, "");\n    return true;',
      replace: "return true;",
      story: 69,
    },
    {
      what: "a relay that is connected dials again when its upstream is gone",
      find: "if (this.upstreamSlot === null || this.relay.phase !== RelayPhase.Dialing) return false;",
      replace: "if (this.upstreamSlot === null) return false;",
      story: 67,
    },
    {
      what: "a relay that is idle is reset",
      find: "if (this.relay.reason === null) this.isRetired = true;",
      replace: "",
      story: 18,
    },
    {
      what: "a reset is passed on as an end",
      find: "    if (!this.relay.passesEnd) {\n      this.linger();\n      return;\n    }\n",
      replace: "",
      story: 44,
    },
    {
      what: "the end is in flight for ever",
      find: "    lane.flow.ended();\n    lane.copy",
      replace: "    lane.copy",
      story: 11,
    },
    {
      what: "a mirror is not told the end",
      find: "    lane.copy?.finish();\n",
      replace: "",
      story: 21,
    },
    {
      what: "a sink does not answer the end",
      find: "this.down.start(this.relay.sourceEnded(Side.Upstream));\n      this.settle();",
      replace: "this.settle();",
      story: 11,
    },
    {
      what: "the end is sent to the other side",
      find: "this.sendFin(isUp ? Side.Upstream : Side.Client);",
      replace: "this.sendFin(isUp ? Side.Client : Side.Upstream);",
      story: 2,
    },
    {
      what: "the end is not sent",
      find: "this.sendFin(isUp ? Side.Upstream : Side.Client);",
      replace: "",
      story: 2,
    },
    {
      what: "nobody looks again whether the last bytes have left",
      find: "      this.listener.lingering.add(this as never);\n      return;\n    }\n    for",
      replace: "      return;\n    }\n    for",
      story: 855,
    },
    {
      what: "what has waited for its last bytes does not end",
      find: "if (flow.phase === Phase.Draining && flow.sending && flow.size === 0) flow.ended();",
      replace: "",
      story: 855,
    },
    {
      what: "nothing in flight is given up",
      find: "if ((effects & RelayEffect.Terminate) !== 0) this.abandon();",
      replace: "",
      story: 0,
    },
    {
      what: "a request that met its end is not told of",
      find: "return this.isRetired && up.lostBytes === 0 && down.lostBytes === 0;",
      replace: "return this.isRetired;",
      story: 48,
    },
    {
      what: "attempts go on when their relay is over",
      find: "    this.host.dialer.drop(this as never);\n    this.branch.waiting",
      replace: "    this.branch.waiting",
      story: 12,
    },
    {
      what: "what stands for a dial stays in flight",
      find: '    this.perform(this.relay.dialFailed("connect_failed", false));\n',
      replace: "",
      story: 0,
    },
    {
      what: "a copy outlives its relay",
      find: "    this.copy?.leave(this.endsCleanly);\n",
      replace: "",
      story: 23,
    },
    {
      what: "a mirror is always told an orderly end",
      find: "this.copy?.leave(this.endsCleanly);",
      replace: "this.copy?.leave(true);",
      story: 23,
    },
    {
      what: "a relay that is over counts for its upstream",
      find: "    this.ends();\n    listener.forget",
      replace: "    listener.forget",
      story: 0,
    },
    {
      what: "times of a relay that is over come for the next one",
      find: "    listener.forget(this as never);\n",
      replace: "",
      story: 0,
    },
    {
      what: "up has the last tenant's ends",
      find: "    this.up.clear();\n    this.down.clear();\n    this.relay.free",
      replace: "    this.down.clear();\n    this.relay.free",
      story: 0,
    },
    {
      what: "what the client has of us is not looked at",
      find: "return (client?.unsent ?? 0) + (upstream?.unsent ?? 0);",
      replace: "return upstream?.unsent ?? 0;",
      story: 187,
    },
    {
      what: "an upstream that answered is not received from",
      find: "if (upstream !== null) this.down.setSource(upstream, true);",
      replace: "",
      story: 2,
    },
    {
      what: "what came early is not sent",
      find: "    this.up.start(this.relay.up.sent(0));\n",
      replace: "    this.relay.up.sent(0);\n",
      story: 2,
    },
  ],
  "relay/completing-conduit.ts": [
    {
      what: "an end within a header is none",
      find: '    lane.giveUpStep("preamble_invalid", true);\n',
      replace: "",
      story: 22,
    },
    {
      what: "a reset is an end",
      find: "const effects = this.relay.reset(side);\n    this.resetSeen(side);",
      replace: "const effects = this.relay.sourceEnded(side);",
      story: 3,
    },
    {
      what: "a reset of who is not read is not seen",
      find: "    this.lost(this.sourceSide(lane));\n",
      replace: "",
      story: 527,
    },
    {
      what: "the wrong side is lost",
      find: "this.lost(lane === this.up ? Side.Upstream : Side.Client);",
      replace: "this.lost(lane === this.up ? Side.Client : Side.Upstream);",
      story: 14,
    },
    {
      what: "a relay that is closing does not finish",
      find: "if (this.closing) this.finish();",
      replace: "",
      story: 884,
    },
    {
      what: "a FIN is sent to who is to be closed, at once",
      find: "if (this.relay.from(side).phase !== Phase.Ended) end?.finish();",
      replace: "if (this.relay.from(side).phase === Phase.Ended) end?.finish();",
      story: 2,
    },
    {
      what: "a receive that only rests stays in flight",
      find: "if (flow.receiving && source !== null && !source.isReceivePending) flow.stopped();",
      replace: "",
      story: 1,
    },
    {
      what: "every relay is closed by a reset",
      find: 'const isClean = this.endsCleanly || reason === "client_fin" || reason === "upstream_fin";',
      replace: "const isClean = this.endsCleanly;",
      story: 2,
    },
    {
      what: "every relay is closed in an orderly way",
      find: 'const isClean = this.endsCleanly || reason === "client_fin" || reason === "upstream_fin";',
      replace: "const isClean = true;",
      story: 0,
    },
  ],
};
