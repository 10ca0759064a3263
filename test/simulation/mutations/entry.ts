import type { MutationsOf } from "./mutation.ts";

/** Ways to break who comes in. */
export const entryMutations: MutationsOf = {
  "relay/hall.ts": [
    {
      what: "a stop is not over when its last relay is",
      find: "this.kind.over(relay);\n    this.settleStop();",
      replace: "this.kind.over(relay);",
      story: 9,
    },
    {
      what: "who paused never accepts again",
      find: "      this.isAccepting = true;\n      this.carrier.resume();",
      replace: "",
      story: 0,
    },
    {
      what: "accepting goes on without memory",
      find: 'const cause = this.isDry ? "memory" : descriptors.tight ? "descriptors" : null;',
      replace: 'const cause = descriptors.tight ? "descriptors" : null;',
      story: 0,
    },
    {
      what: "accepting goes on without descriptors",
      find: 'const cause = this.isDry ? "memory" : descriptors.tight ? "descriptors" : null;',
      replace: 'const cause = this.isDry ? "memory" : null;',
      story: 9,
    },
    {
      what: "a stop is over while relays run",
      find: "if (!this.isStopping || this.ledger.running.size > 0 || !this.carrier.isQuiet) return;",
      replace: "if (!this.isStopping || !this.carrier.isQuiet) return;",
      story: 9,
    },
    {
      what: "a stop is over while somebody connects",
      find: "if (!this.isStopping || this.ledger.running.size > 0 || !this.carrier.isQuiet) return;",
      replace: "if (!this.isStopping || this.ledger.running.size > 0) return;",
      story: 23,
    },
    {
      what: "memory that runs out is not noticed",
      find: "    this.isDry = isDry;\n    if (isDry) {",
      replace: "    if (isDry) {",
      story: 0,
    },
  ],
  "entry/by-hello.ts": [
    {
      what: "who is refused by a route comes in",
      find: "if (route !== null && !route.isRefused) client.pass();",
      replace: "if (route !== null) client.pass();",
      story: 49,
    },
    {
      what: "who has no route comes in",
      find: "    else if (hello === null || hello.isTls) this.refuse(client, hello, route);",
      replace: "    else if (hello === null || hello.isTls) client.pass();",
      story: 8,
    },
  ],
  "entry/tls-hello/routes.ts": [
    {
      what: "a wildcard takes every name",
      find: "?? this.fallback;",
      replace: "?? this.byName.findNamed('a.others.test')?.[0] ?? null;",
      story: 8,
    },
  ],
  "relay/branch.ts": [
    {
      what: "room is for who waits on the main branch alone",
      find: "for (const { waiting } of this.all) waiting.roomMade();",
      replace: "this.main.waiting.roomMade();",
      story: 112,
    },
  ],
  "system/descriptors.ts": [
    {
      what: "nobody hears of descriptors that come back",
      find: "    this.held -= count;\n    this.onClosed();",
      replace: "    this.held -= count;",
      story: 47,
    },
  ],
  "entry/admission.ts": [
    {
      what: "everybody has access",
      find: 'if (this.access !== null && !this.access.allows(client)) return "access_denied";',
      replace: "",
      story: 15,
    },
    {
      what: "a client may have any number",
      find: "if (this.counts !== null && !this.counts.tryEnter(client)) {",
      replace: "if (this.counts !== null && !this.counts.tryEnter(client) && this.edge === null) {",
      story: 158,
    },
  ],
  "upstream/table.ts": [
    {
      what: "who leaves is counted",
      find: "    Atomics.sub(this.words, at(slot, Word.Running), 1);\n    Atomics.sub(this.own, slot, 1);\n  }",
      replace: "    Atomics.sub(this.own, slot, 1);\n  }",
      story: 0,
    },
  ],
  "entry/proxy-header.ts": [
    {
      what: "of a header that may be none nothing is kept",
      find: "consumed: parser.isUndecided ? 0 : this.read",
      replace: "consumed: this.read",
      story: 88,
    },
    {
      what: "nobody sends a header",
      find: "return new ProxyHeaderStep(this.mustBe);",
      replace: "return null;",
      story: 1,
    },
    {
      what: "everybody may say who they are",
      find: "if (this.trusted?.has(peer) ?? true) return",
      replace: "return",
      story: 4,
    },
    {
      what: "a header that is wrong is none",
      find: 'case "invalid":\n        return { is: "refused", reason: "preamble_invalid" };',
      replace: 'case "invalid":\n        return { is: "done", consumed: 0, learned: NOTHING };',
      story: 1,
    },
    {
      what: "a header may always be absent",
      find: '    if (this.mustBe) return { is: "refused", reason: why };\n',
      replace: "",
      story: 101,
    },
    {
      what: "a header that is late was wrong",
      find: "    return this.answer(why);\n",
      replace: '    return this.answer("preamble_invalid");\n',
      story: 26,
    },
  ],
  "relay/arrival.ts": [
    {
      what: "a route leads to all upstreams",
      find: "    if (!isRefused) this.goTo(this.listener.branches.of(label));\n",
      replace: "",
      story: 5,
    },
    {
      what: "who is not known comes in",
      find: 'if (this.clientAddress === null) this.refuse("client_reset");\n    else this.pass();',
      replace: "this.pass();",
      story: 28,
    },
    {
      what: "whom a header names is not believed",
      find: "    this.believe(header);\n",
      replace: "",
      story: 23,
    },
    {
      what: "who has come in is counted for ever",
      find: "    this.admittedBy?.leave(this.admitted);\n",
      replace: "",
      story: 0,
    },
    {
      what: "a route that refuses lets in",
      find: 'if (choice.isRefused) this.refuse("route_refused");\n    else this.pass();',
      replace: "this.pass();",
      story: 52,
    },
    {
      what: "a route need not be obeyed",
      find: "    this.wanted = choice;\n",
      replace: "    this.wanted = { ...choice, isStrict: false };\n",
      story: 23,
    },
    {
      what: "of who is refused nobody knows that",
      find: "    this.refusedFor = reason;\n",
      replace: "",
      story: 4,
    },
    {
      what: "who has waited in vain comes in",
      find: "if (refused === null) this.pass();\n    else this.refuse(refused);",
      replace: "this.pass();",
      story: 892,
    },
    {
      what: "steps let in whomever they refuse",
      find: "if (refusedFor === null) this.pass();\n    else this.refuse(refusedFor, isTold);",
      replace: "this.pass();",
      story: 4,
    },
  ],
  "entry/in-steps.ts": [
    {
      what: "nobody knows who is in a step",
      find: "    this.rows[place]?.add(client);\n",
      replace: "",
      story: 18,
    },
  ],
  "entry/steps.ts": [
    {
      what: "what nobody had memory to read counts as silence",
      find: 'why !== "preamble_timeout" || !this.owner.hasUnread;',
      replace: "true;",
      story: 1025,
    },
    {
      what: "a step is never over",
      find: "      this.owner.learn(answer.learned);\n      this.begin();\n",
      replace: "      this.owner.learn(answer.learned);\n",
      story: 2,
    },
    {
      what: "what a step has read comes again",
      find: "    this.seen -= taken;\n",
      replace: "",
      story: 14,
    },
    {
      what: "the second step is left out",
      find: "plans[++this.place]",
      replace: "plans[(this.place += 2) - 1]",
      story: 18,
    },
  ],
  "entry/entering.ts": [
    {
      what: "who may not come in does",
      find: "else if (refused === null) client.pass();\n    else client.refuse(refused);",
      replace: "else client.pass();",
      story: 13,
    },
  ],
  "entry/refusal.ts": [
    {
      what: "who is refused is let go at once",
      find: 'if (typeof how === "object" && client.mayWait && isHere) this.tarpit.add(client);\n    else if',
      replace: "if",
      story: 4,
    },
    {
      what: "who is refused is always reset",
      find: '    else if ((how === "close" || isTold) && isHere) client.retire(reason);\n',
      replace: "",
      story: 18,
    },
  ],
  "relay/route-questions.ts": [
    {
      what: "a route has for ever to answer",
      find: "    this.questions.set(relay, question);\n    this.waiting.add(relay);",
      replace: "    this.questions.set(relay, question);",
      story: 6,
    },
    {
      what: "an answer is for whoever has the relay now",
      find: "if (this.questions.get(relay) === question) this.answered(relay, answer);",
      replace: "this.answered(relay, answer);",
      story: 19,
    },
    {
      what: "a route that fails is waited for",
      find: "    relay.unrouted();\n",
      replace: "",
      story: 2,
    },
  ],
  "entry/order.ts": [
    {
      what: "who comes in is asked before who it is",
      find: "[steps, admission, handshake, ",
      replace: "[admission, steps, handshake, ",
      story: 26,
    },
  ],
  "kinds/stream/kind.ts": [
    {
      what: "a relay has two tenants at a time",
      find: "const relay = this.spare.pop() ?? this.newRelay(listener);",
      replace: "const relay = this.spare[0] ?? this.newRelay(listener);",
      story: 2,
    },
  ],
};
