import type { MutationsOf } from "./mutation.ts";

/** Ways to break how upstreams are chosen, dialled and waited for. */
export const dialMutations: MutationsOf = {
  "relay/dialer.ts": [
    {
      what: "who finds no upstream waits whatever it may",
      find: "if (why !== null) relay.notDialed(why);",
      replace: "",
    },
    {
      what: "a dial is made without a descriptor",
      isOpen: true,
      find: 'this.failed(relay, "descriptor_limit", "none left");\n      return;',
      replace: "",
    },
    {
      what: "every dial of a relay is mirrored",
      find: "if (mirror !== null && relay.dials === 1) relay.mirror(mirror);",
      replace: "if (mirror !== null) relay.mirror(mirror);",
    },
    {
      what: "no relay is mirrored",
      isOpen: true,
      find: "if (mirror !== null && relay.dials === 1) relay.mirror(mirror);",
      replace: "",
    },
    {
      what: "a dial has for ever",
      find: "    relay.listener.dialing.add(relay as never);\n",
      replace: "",
    },
    {
      what: "a dial that takes too long is refused",
      isOpen: true,
      find: 'this.failed(relay, "connect_timeout", `after ${connectTimeoutMs} ms`);',
      replace: 'this.failed(relay, "connect_refused", `after ${connectTimeoutMs} ms`);',
    },
    {
      what: "a name's next address waits for the one before",
      isOpen: true,
      find: "      this.beginNext(relay);\n    }\n  }\n\n  /** A dial has failed",
      replace: "    }\n  }\n\n  /** A dial has failed",
    },
    {
      what: "a dial makes any number of attempts",
      find: "if (attempts.length === ATTEMPTS_MAX) attempts.shift()?.abandon();",
      replace: "",
    },
    {
      what: "the oldest attempt is not ended",
      find: "attempts.shift()?.abandon();",
      replace: "attempts.shift();",
    },
    {
      what: "attempts of a dial that failed go on",
      find: "    this.drop(relay);\n    if (address !== null",
      replace: "    if (address !== null",
    },
    {
      what: "a dial that failed is not followed by another one",
      find: "    relay.dialFailed(reason);\n",
      replace: "",
    },
    {
      what: "the time of a dial goes on when that is over",
      find: "    listener.dialing.delete(relay as never);\n    if (relay.untried",
      replace: "    if (relay.untried",
    },
    {
      what: "the next address is due when the dial is over",
      isOpen: true,
      find: "if (relay.untried.length > 0) listener.racing.delete(relay as never);",
      replace: "",
    },
    {
      what: "addresses of the last dial are tried by the next one",
      find: "    relay.untried = NONE;\n",
      replace: "",
    },
    {
      what: "the attempts that have lost go on",
      find: "if (one !== answered) one.abandon();",
      replace: "",
    },
    {
      what: "the attempt that has won is ended",
      isOpen: true,
      find: "if (one !== answered) one.abandon();",
      replace: "one.abandon();",
    },
    {
      what: "when a dial is answered its other attempts go on",
      find: "    this.drop(relay, attempt);\n",
      replace: "",
    },
    {
      what: "an attempt that failed is under way",
      find: "attempts.splice(attempts.indexOf(attempt), 1);",
      replace: "",
    },
    {
      what: "a dial ends with its first attempt that fails",
      isOpen: true,
      find: "if (untried.length > 0) this.beginNext(relay);\n    else if (attempts.length === 0)",
      replace: "if (attempts.length === 0)",
    },
    {
      what: "a dial ends with the last address, though others are under way",
      isOpen: true,
      find: "else if (attempts.length === 0) this.failed",
      replace: "else this.failed",
    },
    {
      what: "an answer of a name comes for whoever has the relay now",
      find: "if (!relay.isDialing(generation, dials)) return;",
      replace: "",
    },
    {
      what: "a name without addresses is waited for",
      isOpen: true,
      find: "      const { reason, detail } = withoutAddress(refusal);\n      this.failed(relay, reason, detail);",
      replace: "      withoutAddress(refusal);",
    },
    {
      what: "every address is tried again and again",
      isOpen: true,
      find: "relay.untried = others;",
      replace: "relay.untried = relay.untried;",
    },
    {
      what: "only failures have a name's next address tried",
      isOpen: true,
      find: "if (others.length > 0) racing.add(relay as never);",
      replace: "if (false) racing.add(relay as never);",
    },
  ],
  "system/dial-reason.ts": [
    {
      what: "what is refused was not reached",
      find: 'return "connect_refused";',
      replace: 'return "connect_unreachable";',
    },
    {
      what: "a want of descriptors is the upstream's",
      isOpen: true,
      find: 'case "ENFILE":\n      return "descriptor_limit";',
      replace: 'case "ENFILE":\n      return null;',
    },
  ],
  "relay/relay-story.ts": [
    {
      what: "who comes later is served first",
      isOpen: true,
      find: "if (waiting.hasQueue) return null;",
      replace: "",
    },
    {
      what: "a relay tries more than it may",
      isOpen: true,
      find: "    this.tries++;\n",
      replace: "",
    },
    {
      what: "a route's only upstream is one of several",
      isOpen: true,
      find: "chooser.enter(clientAddress, tried, wantedUpstream, isStrict)",
      replace: "chooser.enter(clientAddress, tried, wantedUpstream, false)",
    },
    {
      what: "a route's upstream is not tried first",
      find: "chooser.enter(clientAddress, tried, wantedUpstream, isStrict)",
      replace: "chooser.enter(clientAddress, tried)",
    },
    {
      what: "an upstream that was tried is tried again",
      find: "    this.tried.push(this.upstreamNumber);\n",
      replace: "",
    },
    {
      what: "a dial that failed counts for its upstream",
      find: "    this.tried.push(this.upstreamNumber);\n    this.leaveUpstream();",
      replace: "    this.tried.push(this.upstreamNumber);\n    this.upstreamNumber = NO_UPSTREAM;",
    },
    {
      what: "those that wait are not told of room",
      isOpen: true,
      find: "    this.listener.waiting.roomMade();\n",
      replace: "",
    },
    {
      what: "who waits gets the upstreams that there were",
      isOpen: true,
      find: "    this.chooser = chooser;\n    const wanted",
      replace: "    const wanted",
    },
    {
      what: "which upstream a route wants is forgotten by a reload",
      isOpen: true,
      find: "if (wanted !== undefined) this.wantedUpstream = chooser.numberOf(wanted.address);",
      replace: "if (wanted !== undefined) this.wantedUpstream = NO_UPSTREAM;",
    },
    {
      what: "the next tenant wants the last one's upstream",
      isOpen: true,
      find: "    this.wantedUpstream = NO_UPSTREAM;\n    this.isStrict = false;\n",
      replace: "",
    },
    {
      what: "the next tenant has tried what the last one did",
      isOpen: true,
      find: "    this.tried.length = 0;\n    this.tries = 0;\n    this.wantedUpstream",
      replace: "    this.wantedUpstream",
    },
    {
      what: "the next tenant has waited since the last one did",
      isOpen: true,
      find: "    this.waitsSince = null;\n",
      replace: "",
    },
    {
      what: "a relay that ends counts for its upstream",
      find: "if (this.upstreamNumber !== NO_UPSTREAM) this.leaveUpstream();",
      replace: "",
    },
    {
      what: "whoever is held ends as if it was not",
      isOpen: true,
      find: 'return wasHeld(this, this.listener.options.dial) ? "hold_timeout" : failure;',
      replace: "return failure;",
    },
    {
      what: "what is queued is not on its way",
      isOpen: true,
      find: "if (dialing || up.size > 0 || down.size > 0 || this.isResting) return true;",
      replace: "if (dialing || this.isResting) return true;",
    },
    {
      what: "what a kernel has is not on its way",
      isOpen: true,
      find: "return this.unsent > 0 || this.unread > 0;",
      replace: "return false;",
    },
    {
      what: "who rests is idle",
      isOpen: true,
      find: "return this.isResting || this.isStarving;",
      replace: "return this.isStarving;",
    },
    {
      what: "who moves is idle",
      isOpen: true,
      find: "const isStill = moved === before.moved[which] && !dialing && !this.isHeldUp;",
      replace: "const isStill = !dialing && !this.isHeldUp;",
    },
    {
      what: "who moves is stalled",
      find: "const still = moved === this.movedBefore && !this.isHeldUp;",
      replace: "const still = !this.isHeldUp;",
    },
    {
      what: "what the kernel has got rid of is no movement",
      isOpen: true,
      find: "const moved = this.movedBytes - this.unsent;",
      replace: "const moved = this.movedBytes;",
    },
  ],
  "relay/waiting-room.ts": [
    {
      what: "who waits for room has for ever",
      isOpen: true,
      find: 'if (isOver) return queueMs === 0 ? "upstreams_full" : "queue_timeout";',
      replace: "",
    },
    {
      what: "any number may wait",
      isOpen: true,
      find: 'if (this.queued + this.queuedStrict >= queueMax) return "queue_full";',
      replace: "",
    },
    {
      what: "nobody is held",
      isOpen: true,
      find: "} else if (!isOver) {",
      replace: "} else if (false) {",
    },
    {
      what: "who is held has for ever",
      find: "} else if (!isOver) {",
      replace: "} else if (true) {",
    },
    {
      what: "who waits is not looked after",
      find: "    this.count(wait, 1);\n    this.arm();",
      replace: "    this.count(wait, 1);",
    },
    {
      what: "those that wait for room are not counted",
      isOpen: true,
      find: "    this.count(wait, 1);\n    this.arm();",
      replace: "    this.arm();",
    },
    {
      what: "those that waited for room are counted",
      find: "    this.count(wait, -1);\n",
      replace: "",
    },
    {
      what: "who does not wait any more waits",
      find: "    this.waiting.delete(relay);\n    relay.isWaiting = false;\n    wait.count",
      replace: "    relay.isWaiting = false;\n    wait.count",
    },
    {
      what: "who is let go waits",
      find: "    this.delete(relay);\n    if (isQueued && !relay.hasTime)",
      replace: "    if (isQueued && !relay.hasTime)",
    },
    {
      what: "the last look is the only one",
      find: "if (this.waiting.size > 0) this.arm();",
      replace: "",
    },
    {
      what: "who has waited too long goes on waiting",
      isOpen: true,
      find: "const isOver = now >= (relay.waitsSince ?? 0) + queueMs || !relay.hasTime;",
      replace: "const isOver = false;",
    },
    {
      what: "whose time is over waits on for room",
      isOpen: true,
      find: "+ queueMs || !relay.hasTime;",
      replace: "+ queueMs;",
    },
    {
      what: "whose time is over gets the room that there is",
      isOpen: true,
      find: 'if (isQueued && !relay.hasTime) relay.notDialed("queue_timeout");\n    else',
      replace: "",
    },
    {
      what: "who is late has failed",
      isOpen: true,
      find: 'relay.notDialed(queueMs === 0 ? "upstreams_full" : "queue_timeout");',
      replace: 'relay.notDialed("connect_failed");',
    },
  ],
  "upstream/chooser.ts": [
    {
      what: "who is closed gets relays from a route",
      isOpen: true,
      find: "return this.table.isOpen(slot) && this.table.enter(slot, maxRelays);",
      replace: "return this.table.enter(slot, maxRelays);",
    },
    {
      what: "who is full gets relays from a route",
      isOpen: true,
      find: "return this.table.isOpen(slot) && this.table.enter(slot, maxRelays);",
      replace: "return this.table.isOpen(slot) && this.table.enter(slot, 0);",
    },
    {
      what: "an upstream may have any number of relays",
      isOpen: true,
      find: "if (this.table.enter(this.rows[index] as number, this.limits[index] as number)) return index;",
      replace: "if (this.table.enter(this.rows[index] as number, 0)) return index;",
    },
    {
      what: "one that was tried is chosen again",
      isOpen: true,
      find: "if (this.tried.length > 0 && this.tried.includes(index)) return false;",
      replace: "",
    },
    {
      what: "one that is closed is chosen",
      find: "return this.belongs[index] === 1 && this.table.isOpen(this.rows[index] as number);",
      replace: "return this.belongs[index] === 1;",
    },
    {
      what: "backups are chosen first of all",
      isOpen: true,
      find: "if (primary !== NO_UPSTREAM) return primary;",
      replace:
        "if (primary !== NO_UPSTREAM && this.primaries.count === 1) return primary;\n    if (primary !== NO_UPSTREAM) this.leave(primary);",
    },
  ],
};
