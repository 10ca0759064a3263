import type { MutationsOf } from "./mutation.ts";

/** Ways to break what ends relays by time or by somebody's wish, and what is left behind. */
export const endingMutations: MutationsOf = {
  "relay/relay-timeouts.ts": [
    {
      what: "the age of a relay ends its next tenant",
      find: "if (relay.id !== id || relay.relay.phase === RelayPhase.Free) return;",
      replace: "if (relay.relay.phase === RelayPhase.Free) return;",
      story: 289,
    },
    {
      what: "a header has for ever to come",
      find: "outsiders.unheardRow(queue(spanMs, onLate))",
      replace: "outsiders.unheardRow(queue(spanMs, () => {}))",
      story: 46,
    },
    {
      what: "who may not come in waits for ever",
      find: '(one) => one.terminate(one.refusedFor ?? "access_denied")',
      replace: "(_one) => {}",
      story: 124,
    },
    {
      what: "the next tenant ends when the last one was to be idle",
      find: "    this.idle.delete(relay);\n",
      replace: "",
      story: 21,
    },
    {
      what: "the next tenant is to be reset",
      find: "    this.wasReset.delete(relay);\n    this.lingering",
      replace: "    this.lingering",
      story: 281,
    },
  ],
  "relay/idle-looks.ts": [
    {
      what: "who is idle is reset for being late",
      find: "if (relay.lookIdle(which) >= LOOKS) relay.retire(reason);",
      replace: "if (relay.lookIdle(which) >= 1) relay.retire(reason);",
      story: 7,
    },
  ],
  "relay/pacer.ts": [
    {
      what: "a rate is twice as high",
      find: "new Pace({ bytesPerSecond, burstBytes, chunkBytes })",
      replace: "new Pace({ bytesPerSecond: bytesPerSecond * 2, burstBytes, chunkBytes })",
      story: 396,
    },
    {
      what: "who rests is not woken",
      find: "    this.isResting = true;\n    this.row.add(this);",
      replace: "    this.isResting = true;",
      story: 145,
    },
    {
      what: "who rests goes on before its time",
      find: "if (this.pace.waitMs(now) === 0) return this.pace.allowance(now);",
      replace: "if (this.pace.waitMs(now) < 1000) return Math.max(1, this.pace.allowance(now));",
      story: 119,
    },
  ],
  "relay/ending/ending.ts": [
    {
      what: "a stop cuts nobody",
      find: "this.clock.alarm(spanMs, () => this.cutAll());",
      replace: "",
      story: 63,
    },
    {
      what: "the next tenant is one of those that are to end",
      find: "    this.dropping.ended(relay);\n",
      replace: "",
      story: 67,
    },
  ],
};
