import type { MutationsOf } from "./mutation.ts";

/** Ways to break what ends relays by time or by somebody's wish, and what is left behind. */
export const endingMutations: MutationsOf = {
  "relay/relay-timeouts.ts": [
    {
      what: "half of a relay that stands still goes on",
      isOpen: true,
      find: 'if (one.stalled() >= LOOKS) one.terminate("half_close_timeout");\n      else this.halfClosed.add(one);',
      replace: "one.stalled();\n      this.halfClosed.add(one);",
    },
    {
      what: "half of a relay ends by its first look",
      isOpen: true,
      find: 'if (one.stalled() >= LOOKS) one.terminate("half_close_timeout");',
      replace: 'if (one.stalled() >= 0) one.terminate("half_close_timeout");',
    },
    {
      what: "half of a relay that moves is not looked at again",
      isOpen: true,
      find: "      else this.halfClosed.add(one);\n",
      replace: "",
    },
    {
      what: "what came before a reset has one look to be taken",
      isOpen: true,
      find: 'if (one.stalled() > 0) one.terminate(one.relay.reason ?? "client_reset");',
      replace:
        'one.terminate(one.relay.reason ?? "client_reset");\n      if (one.id === 0) return;',
    },
    {
      what: "what came before a reset and is not taken waits",
      isOpen: true,
      find: 'if (one.stalled() > 0) one.terminate(one.relay.reason ?? "client_reset");\n      else this.wasReset.add(one);',
      replace: "this.wasReset.add(one);",
    },
    {
      what: "what came before a reset is looked after once",
      isOpen: true,
      find: "      else this.wasReset.add(one);\n",
      replace: "",
    },
    {
      what: "nobody looks whether last bytes have left",
      isOpen: true,
      find: "(one) => one.linger()",
      replace: "(_one) => {}",
    },
    {
      what: "an old relay goes on",
      isOpen: true,
      find: "alarm(later, () => this.end(one, id, RETIRE_TRIES));",
      replace: "alarm(later, () => id);",
    },
    {
      what: "an old relay ends at once, whatever is on its way",
      isOpen: true,
      find: 'if (!isCarrying && (!awaitsAnswer || tries === 0)) relay.retire("lifetime");',
      replace: 'if (tries >= 0) relay.terminate("lifetime");',
    },
    {
      what: "an old relay that never rests goes on",
      isOpen: true,
      find: 'else if (tries === 0) relay.terminate("lifetime");\n    else this.alarm',
      replace: "else this.alarm",
    },
    {
      what: "the age of a relay ends its next tenant",
      find: "if (relay.id !== id || relay.relay.phase === RelayPhase.Free) return;",
      replace: "if (relay.relay.phase === RelayPhase.Free) return;",
    },
    {
      what: "a header has for ever to come",
      find: '(one) => one.preambleLate("preamble_timeout")',
      replace: "(_one) => {}",
    },
    {
      what: "who may not come in waits for ever",
      find: '(one) => one.terminate(one.refusedFor ?? "access_denied")',
      replace: "(_one) => {}",
    },
    {
      what: "who waits is kept from the upstreams of a reload",
      isOpen: true,
      find: "    choice.chooser = chooser;\n",
      replace: "",
    },
    {
      what: "who waits is forgotten by a reload",
      isOpen: true,
      find: "this.waiting = before?.waiting ?? roomOf(choice, alarm);",
      replace: "this.waiting = roomOf(choice, alarm);",
    },
    {
      what: "who waits to come in is forgotten by a reload",
      isOpen: true,
      find: "this.entry = before?.entry ?? new EntryQueue<T>(admission, outsiders, alarm);",
      replace: "this.entry = new EntryQueue<T>(admission, outsiders, alarm);",
    },
    {
      what: "who waits to come in is let in by the limits that there were",
      isOpen: true,
      find: "    this.entry.admission = admission;\n",
      replace: "",
    },
    {
      what: "no relay is ever idle",
      find: "if (options.idleTimeoutMs > 0) this.idle.add(relay);",
      replace: "",
    },
    {
      what: "a client is never idle",
      isOpen: true,
      find: "if (options.clientIdleTimeoutMs > 0) this.clientIdle.add(relay);",
      replace: "",
    },
    {
      what: "no relay is ever old",
      isOpen: true,
      find: "if (options.lifetimeMs > 0) this.aging.add(relay);",
      replace: "",
    },
    {
      what: "the next tenant ends when the last one was to be idle",
      find: "    this.idle.delete(relay);\n",
      replace: "",
    },
    {
      what: "the next tenant is old",
      isOpen: true,
      find: "    this.aging.delete(relay);\n",
      replace: "",
    },
    {
      what: "the next tenant's header is late",
      isOpen: true,
      find: "    this.preambles.delete(relay);\n",
      replace: "",
    },
    {
      what: "the next tenant is answered what the last one has asked",
      isOpen: true,
      find: "    this.routes?.delete(relay);\n",
      replace: "",
    },
    {
      what: "the next tenant stands still",
      isOpen: true,
      find: "    this.halfClosed.delete(relay);\n",
      replace: "",
    },
    {
      what: "the next tenant is to be reset",
      find: "    this.wasReset.delete(relay);\n    this.lingering",
      replace: "    this.lingering",
    },
  ],
  "relay/idle-looks.ts": [
    {
      what: "who is idle is reset for being late",
      find: "if (relay.lookIdle(which) >= LOOKS) relay.retire(reason);",
      replace: "if (relay.lookIdle(which) >= 1) relay.retire(reason);",
    },
    {
      what: "who was not idle is looked at no more",
      find: "else looks.add(relay);",
      replace: "",
    },
  ],
  "base/deadlines.ts": [
    {
      what: "the first one is the only one to expire",
      isOpen: true,
      find: "        this.arm(Math.ceil(expiry - now));\n        return;",
      replace: "        return;",
    },
    {
      what: "who is added anew expires as before",
      isOpen: true,
      find: "this.expiries.delete(item);\n    this.expiries.set(item, performance.now() + this.spanMs);",
      replace:
        "if (!this.expiries.has(item)) this.expiries.set(item, performance.now() + this.spanMs);",
    },
    {
      what: "who is deleted expires",
      isOpen: true,
      find: "  delete(item: T): void {\n    this.expiries.delete(item);",
      replace: "  delete(_item: T): void {",
    },
  ],
  "relay/pacer.ts": [
    {
      what: "a rate is twice as high",
      find: "new Pace({ bytesPerSecond, burstBytes, chunkBytes })",
      replace: "new Pace({ bytesPerSecond: bytesPerSecond * 2, burstBytes, chunkBytes })",
    },
    {
      what: "who rests is not woken",
      find: "    this.isResting = true;\n    this.row.add(this);",
      replace: "    this.isResting = true;",
    },
    {
      what: "who has carried too much rests for ever",
      isOpen: true,
      find: "      // It had carried more than it might.\n      this.row.add(this);\n      return;",
      replace: "      return;",
    },
    {
      what: "who rests goes on before its time",
      find: "if (this.pace.waitMs(now) === 0) return this.pace.allowance(now);",
      replace: "if (this.pace.waitMs(now) < 1000) return Math.max(1, this.pace.allowance(now));",
    },
    {
      what: "a rest outlives its flow",
      isOpen: true,
      find: "    this.isResting = false;\n    this.row.delete(this);",
      replace: "    this.isResting = false;",
    },
  ],
  "relay/ending/ending.ts": [
    {
      what: "a stop cuts nobody",
      find: "this.alarm(spanMs, () => this.cutAll());",
      replace: "",
    },
    {
      what: "a stop waits for who is idle",
      isOpen: true,
      find: "if (this.drain === null) this.drain = new Drain(this.running, spanMs, this.alarm);",
      replace:
        "if (this.running.size < 0) this.drain = new Drain(this.running, spanMs, this.alarm);",
    },
    {
      what: "who comes when a stop is over stays",
      isOpen: true,
      find: "if (this.isOver && this.running.has(relay)) this.cut(relay);\n    else",
      replace: "",
    },
    {
      what: "copies outlive a stop",
      find: "    this.onOver();\n",
      replace: "",
    },
    {
      what: "cut relays are not counted",
      isOpen: true,
      find: "if (relay.relay.reason === null) this.cutCount++;",
      replace: "",
    },
    {
      what: "the next tenant was seen when the last one was",
      isOpen: true,
      find: "    this.drain?.ended(relay);\n",
      replace: "",
    },
    {
      what: "the next tenant is one of those that are to end",
      find: "    this.dropping.ended(relay);\n",
      replace: "",
    },
  ],
  "relay/ending/drain.ts": [
    {
      what: "who carries something is idle",
      isOpen: true,
      find: "      if (relay.isCarrying) continue;\n",
      replace: "",
    },
    {
      what: "there is one look",
      isOpen: true,
      find: "    this.lookLater();\n  }\n\n  private lookLater",
      replace: "  }\n\n  private lookLater",
    },
    {
      what: "who moves is idle",
      isOpen: true,
      find: "else if (sight.moved !== relay.movedBytes) renew(sight, relay, now);",
      replace: "",
    },
    {
      what: "who waits for an answer is idle",
      isOpen: true,
      find: "if (awaitsAnswer) return isIdle && now >= this.answersUntil ? this.lastUntil : null;",
      replace: "",
    },
    {
      what: "who waits for an answer is cut",
      isOpen: true,
      find: "return isIdle && now >= this.answersUntil ? this.lastUntil : null;",
      replace: "return null;",
    },
    {
      what: "all that are idle end at once",
      isOpen: true,
      find: "if (now < until && now < this.nextAt) break;",
      replace: "",
    },
    {
      what: "one look is enough",
      isOpen: true,
      find: "const isIdle = looks >= IDLE_LOOKS;",
      replace: "const isIdle = true;",
    },
  ],
  "relay/ending/dropping.ts": [
    {
      what: "all relays are dropped",
      isOpen: true,
      find: 'if ("slot" in selection) return relay.upstreamSlot === selection.slot;',
      replace: 'if ("slot" in selection) return true;',
    },
    {
      what: "who only dials is dropped",
      isOpen: true,
      find: "      if (isUpstream && relay.giveUpDial(reason)) continue;\n",
      replace: "",
    },
    {
      what: "who is to be dropped in some time is not",
      isOpen: true,
      find: "      this.alarm(withinMs, () => this.finish(row, reason));\n",
      replace: "",
    },
    {
      what: "who is spared is dropped",
      isOpen: true,
      find: "      row.clear();\n",
      replace: "",
    },
    {
      what: "nobody is dropped at once",
      isOpen: true,
      find: "} else this.finish(row, reason);",
      replace: "}",
    },
  ],
};
