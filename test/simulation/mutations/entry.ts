import type { MutationsOf } from "./mutation.ts";

/** Ways to break who comes in. */
export const entryMutations: MutationsOf = {
  "relay/hall.ts": [
    {
      what: "an accepted relay is not one of those that end",
      isOpen: true,
      find: "    this.ending.begun(relay);\n",
      replace: "",
    },
    {
      what: "copies keep the descriptors of who comes",
      isOpen: true,
      find: "if (this.copies.count > 0) this.copies.makeRoom();",
      replace: "",
    },
    {
      what: "a relay that is over is still ending",
      isOpen: true,
      find: "    this.ending.ended(relay);\n",
      replace: "",
    },
    {
      what: "a relay is used by two",
      isOpen: true,
      find: "const relay = this.spare.pop() ?? this.carrier.newConduit(listener);",
      replace: "const relay = this.spare[0] ?? this.carrier.newConduit(listener);",
    },
    {
      what: "a stop is not over when its last relay is",
      find: "if (this.spare.length < SPARE_MAX) this.spare.push(relay);\n    this.settleStop();",
      replace: "if (this.spare.length < SPARE_MAX) this.spare.push(relay);",
    },
    {
      what: "who paused never accepts again",
      find: "      this.isAccepting = true;\n      this.carrier.resume();",
      replace: "",
    },
    {
      what: "accepting goes on without memory",
      find: 'const cause = this.isDry ? "memory" : descriptors.tight ? "descriptors" : null;',
      replace: 'const cause = descriptors.tight ? "descriptors" : null;',
    },
    {
      what: "accepting goes on without descriptors",
      find: 'const cause = this.isDry ? "memory" : descriptors.tight ? "descriptors" : null;',
      replace: 'const cause = this.isDry ? "memory" : null;',
    },
    {
      what: "accepting pauses and goes on at once",
      isOpen: true,
      find: "this.carrier.mayResume && descriptors.ample",
      replace: "this.carrier.mayResume",
    },
    {
      what: "a stop is over while relays run",
      find: "if (!this.isStopping || this.ledger.running.size > 0 || !this.carrier.isQuiet) return;",
      replace: "if (!this.isStopping || !this.carrier.isQuiet) return;",
    },
    {
      what: "a stop is over while somebody connects",
      find: "if (!this.isStopping || this.ledger.running.size > 0 || !this.carrier.isQuiet) return;",
      replace: "if (!this.isStopping || this.ledger.running.size > 0) return;",
    },
    {
      what: "a stop is over while copies run",
      isOpen: true,
      find: "if (this.copies.count > 0) this.copies.hurry();\n    else",
      replace: "",
    },
    {
      what: "memory that runs out is not noticed",
      find: "    this.isDry = isDry;\n    if (isDry) {",
      replace: "    if (isDry) {",
    },
    {
      what: "nobody looks at who holds memory",
      isOpen: true,
      find: "if (!this.isLooking) links.alarm(PATIENCE_LOOK_MS, () => this.lookAtHolders());",
      replace: "",
    },
    {
      what: "who holds memory is looked at once",
      isOpen: true,
      find: "    this.links.alarm(PATIENCE_LOOK_MS, () => this.lookAtHolders());\n    for",
      replace: "    for",
    },
    {
      what: "who holds memory is cut at once",
      isOpen: true,
      find: "if (relay[direction].lookStill() >= PATIENCE_LOOKS) relay.terminate",
      replace: "if (relay[direction].lookStill() >= 1) relay.terminate",
    },
  ],
  "system/descriptors.ts": [
    {
      what: "there is always a descriptor for an upstream",
      isOpen: true,
      find: "return this.held >= this.most;",
      replace: "return false;",
    },
    {
      what: "nobody hears of descriptors that come back",
      find: "    this.held -= count;\n    this.onClosed();",
      replace: "    this.held -= count;",
    },
  ],
  "relay/reception.ts": [
    {
      what: "who is not known comes in",
      find: '      this.refuse("client_reset");\n      return;',
      replace: "",
    },
    {
      what: "nobody sends a header",
      find: "        this.awaitHeader(admission);\n        return;",
      replace: "        this.enter(admission, clientAddress);\n        return;",
    },
    {
      what: "everybody may say who they are",
      find: '        this.refuse("preamble_untrusted");\n        return;',
      replace: "        this.awaitHeader(admission);\n        return;",
    },
    {
      what: "any number may wait for their headers",
      isOpen: true,
      find: 'first.preambleLate("preamble_full");',
      replace: "",
    },
    {
      what: "a header has for ever to come",
      find: "    preambles.add(this as never);\n",
      replace: "",
    },
    {
      what: "a header that is complete is late",
      find: "    this.listener.preambles.delete(this as never);\n    if",
      replace: "    if",
    },
    {
      what: "whom a header names is not believed",
      find: "      this.believe(header);\n",
      replace: "",
    },
    {
      what: "a header that is wrong is none",
      find: '} else if (preamble.state !== "absent" || !mayBeAbsent || late === "preamble_full") {',
      replace: "} else if (!mayBeAbsent) {",
    },
    {
      what: "a header may always be absent",
      find: '} else if (preamble.state !== "absent" || !mayBeAbsent || late === "preamble_full") {',
      replace: '} else if (preamble.state !== "absent" || late === "preamble_full") {',
    },
    {
      what: "a header that is late was wrong",
      find: 'preamble.state === "invalid" && preamble.error !== "truncated" ? "preamble_invalid" : late,',
      replace: '"preamble_invalid",',
    },
    {
      what: "where a header says the client has connected to is forgotten",
      isOpen: true,
      find: "    this.destination = destination;\n",
      replace: "",
    },
    {
      what: "who has come in is counted for ever",
      find: "    this.admittedBy?.leave(this.admitted);\n",
      replace: "",
    },
    {
      what: "whoever leaves makes no room",
      isOpen: true,
      find: "    this.listener.entry.roomMade();\n",
      replace: "",
    },
    {
      what: "nobody waits to come in",
      isOpen: true,
      find: "const waits = mayWait && isFull(refused) && entry.add",
      replace: "const waits = !mayWait && isFull(refused) && entry.add",
    },
    {
      what: "whoever waits comes in twice",
      isOpen: true,
      find: "if (waits) this.entersSince = performance.now();\n    else this.admittedOrNot(refused);",
      replace: "this.admittedOrNot(refused);",
    },
    {
      what: "who may not come in does",
      find: "    if (refused === null) this.route();\n    else this.refuse(refused);",
      replace: "    this.route();",
    },
    {
      what: "a route that refuses lets in",
      find: 'if (isRefused) this.refuse("route_refused");\n    else this.perform(this.held);',
      replace: "this.perform(this.held);",
    },
    {
      what: "a route that fails lets in whomever",
      isOpen: true,
      find: 'if (this.listener.routes?.options.failure === "refuse") this.refuse("route_failed");\n    else',
      replace: "",
    },
    {
      what: "a route that fails forgets its relay",
      isOpen: true,
      find: 'this.refuse("route_failed");\n    else this.perform(this.held);',
      replace: 'this.refuse("route_failed");',
    },
    {
      what: "a route need not be obeyed",
      find: "    this.isStrict = isStrict;\n",
      replace: "",
    },
    {
      what: "an upstream is told of nobody",
      isOpen: true,
      find: "const source = clientAddress as ClientAddress;",
      replace: "const source = (destination ?? clientAddress) as ClientAddress;",
    },
    {
      what: "who is refused dials",
      find: "    this.refusedFor = reason;\n    const { refusal }",
      replace: "    const { refusal }",
    },
    {
      what: "who is refused is let go at once",
      find: 'if (typeof refusal === "object" && mayWait) this.listener.tarpit.add(this as never);\n    else if',
      replace: "if",
    },
    {
      what: "who is refused is always reset",
      find: 'else if (refusal === "close" && isHere) this.retire(reason);\n    else',
      replace: "else",
    },
    {
      what: "the next tenant was refused",
      isOpen: true,
      find: "    this.refusedFor = null;\n    this.parser = null;",
      replace: "    this.parser = null;",
    },
    {
      what: "the next tenant has the last one's header",
      isOpen: true,
      find: "    this.header = null;\n    this.admitted",
      replace: "    this.admitted",
    },
  ],
  "relay/entry-queue.ts": [
    {
      what: "any number may wait to come in",
      isOpen: true,
      find: "if (this.waiting.size >= dial.queueMax) return false;",
      replace: "",
    },
    {
      what: "who waits to come in is not looked after",
      isOpen: true,
      find: "    count.waits(1);\n    this.arm();",
      replace: "    count.waits(1);",
    },
    {
      what: "who waits to come in has for ever",
      isOpen: true,
      find: "      if (until > now) continue;\n",
      replace: "      continue;\n",
    },
    {
      what: "who comes in waits on",
      isOpen: true,
      find: "      this.delete(relay);\n      if (!isLeaving) relay.admittedOrNot(refused);",
      replace: "      if (!isLeaving) relay.admittedOrNot(refused);",
    },
    {
      what: "who is over comes in",
      isOpen: true,
      find: "const refused = isLeaving ? null : relay.askToEnter(this.admission);",
      replace: "const refused = relay.askToEnter(this.admission);",
    },
    {
      what: "who comes later comes in first",
      isOpen: true,
      find: "return this.isBusy ? this.lack : null;",
      replace: "return null;",
    },
  ],
  "relay/outsiders.ts": [
    {
      what: "who was refused keeps the descriptors of others",
      isOpen: true,
      find: "if (!this.letGo(this.refused) && !this.letGo(this.unheard)) return;",
      replace: "return;",
    },
    {
      what: "any number of refused ones may wait",
      isOpen: true,
      find: "if (this.refused.size > this.descriptors.refusedMax) this.letGo(this.refused);",
      replace: "",
    },
    {
      what: "who has spoken goes, too",
      isOpen: true,
      find: "if (oldest === undefined || (oldest.refusedFor === null && oldest.hasUnread)) return false;",
      replace: "if (oldest === undefined) return false;",
    },
  ],
  "relay/route-desk.ts": [
    {
      what: "a route has for ever to answer",
      find: "    this.questions.set(relay, question);\n    this.waiting.add(relay);",
      replace: "    this.questions.set(relay, question);",
    },
    {
      what: "an answer is for whoever has the relay now",
      find: "if (this.questions.get(relay) === question) this.answered(relay, answer);",
      replace: "this.answered(relay, answer);",
    },
    {
      what: "a route that was answered is too late",
      isOpen: true,
      find: "      this.delete(relay);\n      relay.routed(answer);",
      replace: "      relay.routed(answer);",
    },
    {
      what: "a route that fails is waited for",
      find: "    relay.unrouted();\n",
      replace: "",
    },
  ],
  "entry/admission.ts": [
    {
      what: "everybody has access",
      find: 'if (this.access !== null && !this.access.allows(client)) return "access_denied";',
      replace: "",
    },
    {
      what: "who finds a client full counts for the listener",
      isOpen: true,
      find: '      this.leaveRows();\n      return "client_full";',
      replace: '      return "client_full";',
    },
    {
      what: "who comes too often counts",
      isOpen: true,
      find: '      this.leave(client);\n      return "client_rate";',
      replace: '      return "client_rate";',
    },
    {
      what: "who is one too many counts for the others",
      isOpen: true,
      find: "        this.leaveRows(entered);\n",
      replace: "",
    },
    {
      what: "a client may have any number",
      find: "if (this.counts !== null && !this.counts.tryEnter(client)) {",
      replace: "if (this.counts !== null && !this.counts.tryEnter(client) && this.edge === null) {",
    },
    {
      what: "a client may come as often as it likes",
      find: "if (this.rates !== null && !this.rates.take(client, Date.now())) {",
      replace:
        "if (this.rates !== null && !this.rates.take(client, Date.now()) && this.edge === null) {",
    },
    {
      what: "a client that leaves is counted",
      isOpen: true,
      find: "    this.counts?.leave(client);\n    this.leaveRows();\n  }\n\n  /** Counts a client",
      replace: "    this.leaveRows();\n  }\n\n  /** Counts a client",
    },
  ],
  "upstream/table.ts": [
    {
      what: "who leaves is counted",
      find: "    Atomics.sub(this.words, at(slot, Word.Running), 1);\n    Atomics.sub(this.own, slot, 1);\n  }",
      replace: "    Atomics.sub(this.own, slot, 1);\n  }",
    },
    {
      what: "who finds no room is counted",
      isOpen: true,
      find: "      Atomics.sub(this.words, at(slot, Word.Running), 1);\n      return false;",
      replace: "      return false;",
    },
  ],
};
