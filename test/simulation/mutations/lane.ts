import type { MutationsOf } from "./mutation.ts";

/**
 * Ways to break how bytes go from one end to the other. Left out, because they change nothing that anybody can see:
 *
 * - setSource: without the look for memory. The first receive finds none, and starves the flow.
 * - received: without settling behind the last bytes. What they leave in flight settles when it is over.
 * - sent: as if the flow had not been given up. Its counts are nobody's by then.
 * - clear: without the end of its rest. The next tenant's pace is another one.
 */
export const laneMutations: MutationsOf = {
  "relay/lane.ts": [
    {
      what: "what the flow wants to send is not sent",
      find: "if ((effects & Effect.Send) !== 0) this.send();",
      replace: "",
      story: 2,
    },
    {
      what: "what the flow wants to receive is not received",
      find: "if ((effects & Effect.Receive) !== 0) this.receive(false);",
      replace: "",
      story: 43,
    },
    {
      what: "the end of a flow is not passed on",
      find: "if ((effects & Effect.End) !== 0) this.owner.end(this);",
      replace: "",
      story: 11,
    },
    {
      what: "a source is not received from when it connects",
      find: "else this.receive(isQuiet);",
      replace: "",
      story: 3,
    },
    {
      what: "a flow has no rate",
      find: "pacer === null ? null : pacer.begin(() => this.rested())",
      replace: "null",
      story: 119,
    },
    {
      what: "who has rested does not go on",
      find: "pacer.begin(() => this.rested())",
      replace: "pacer.begin(() => {})",
      story: 136,
    },
    {
      what: "a flow whose source is gone keeps its pace, and forgets it",
      find: "this.pacing.end();\n    this.pacing = null;\n    this.rested();",
      replace: "this.pacing.end();\n    this.pacing = null;",
      story: 353,
    },
    {
      what: "what came before a pause has worked is not counted",
      find: "const kept = flow.flushed(size, queue.room);\n      if (kept < size) queue.cut(size - kept);",
      replace: "",
      story: 14,
    },
    {
      what: "what the flow does not keep stays queued",
      find: "if (kept < size) queue.cut(size - kept);",
      replace: "",
      story: 124,
    },
    {
      what: "what comes for a flow that was given up stays queued",
      find: "flow.received(size);\n      queue.cut(size);",
      replace: "flow.received(size);",
      story: 124,
    },
    {
      what: "a source that brought bytes is not received from again",
      find: "if (flow.receiving) this.receive(false);\n    else if (flow.phase === Phase.Open) this.stop(wasReceiving);",
      replace: "if (flow.phase === Phase.Open && !flow.receiving) this.stop(wasReceiving);",
      story: 3,
    },
    {
      what: "a source is received from whatever the flow wants",
      find: "else if (flow.phase === Phase.Open) this.stop(wasReceiving);\n    else owner.settle();",
      replace: "else if (flow.phase === Phase.Open) this.receive(false);\n    else owner.settle();",
      story: 14,
    },
    {
      what: "a receive that was stopped is not asked for again",
      find: "if (this.wantsMore) this.receive(false);\n    else if (flow.receiving) flow.stopped();",
      replace: "if (flow.receiving && !this.wantsMore) flow.stopped();",
      story: 178,
    },
    {
      what: "a receive that was stopped stays in flight",
      find: "else if (flow.receiving) flow.stopped();\n    this.owner.settle();",
      replace: "this.owner.settle();",
      story: 0,
    },
    {
      what: "a flow without memory does not know it",
      find: "flow.starve();",
      replace: "",
      story: 43,
    },
    {
      what: "a flow that lacks memory keeps its receive",
      find: "if (flow.receiving) flow.stopped();\n    this.source.stop(false);",
      replace: "this.source.stop(false);",
      story: 43,
    },
    {
      what: "memory that is there again is not used",
      find: "if (this.flow.starved) this.start(this.flow.fed());",
      replace: "",
      story: 351,
    },
    {
      what: "what was sent is not copied",
      find: "for (const view of queue.views(0, size)) this.copy.push(view);",
      replace: "",
      story: 2,
    },
    {
      what: "what was sent is copied when it is consumed",
      find: "if (this.copy !== null) for (const view of queue.views(0, size)) this.copy.push(view);\n      queue.consume(size);",
      replace:
        "queue.consume(size);\n      if (this.copy !== null) for (const view of queue.views(0, size)) this.copy.push(view);",
      story: 21,
    },
    {
      what: "what was sent stays queued",
      find: "      queue.consume(size);\n    }\n    let effects",
      replace: "    }\n    let effects",
      story: 2,
    },
    {
      what: "a flow counts all that was asked for as sent",
      find: "let effects = flow.sent(size);",
      replace: "let effects = flow.sent(asked);",
      story: 5,
    },
    {
      what: "a send that was short is the last one",
      find: "if (effects !== Effect.None) this.start(effects);",
      replace: "if (size === asked) this.start(effects);",
      story: 5,
    },
    {
      what: "a send that failed stays in flight",
      find: "if (this.flow.sending) this.flow.sent(0);\n    this.drop();",
      replace: "this.drop();",
      story: 67,
    },
    {
      what: "nothing is thrown away",
      find: "if (this.target === null || !this.target.holdsQueue) this.queue.clear();",
      replace: "",
      story: 43,
    },
    {
      what: "the next tenant gets the last one's bytes",
      find: "  clear(): void {\n    this.queue.clear();",
      replace: "  clear(): void {",
      story: 0,
    },
    {
      what: "bytes that were received are not counted for the pace",
      find: "if (this.pacing !== null && this.pacesSource) this.pacing.used(size);",
      replace: "",
      story: 284,
    },
    {
      what: "bytes that were sent are not counted for the pace",
      find: "if (this.pacing !== null && !this.pacesSource) this.pacing.used(size);",
      replace: "",
      story: 119,
    },
    {
      what: "who rests is received from nevertheless",
      find: "      if (most === 0) {\n        source.stop(false);\n        return;\n      }",
      replace: "",
      story: 284,
    },
    {
      what: "a send that has to rest is made nevertheless",
      find: "if (most === 0) return;\n    }\n    if (this.discards)",
      replace: "}\n    if (this.discards)",
      story: 119,
    },
    {
      what: "who has rested is not received from",
      find: "if (this.wantsMore) this.receive(false);\n    } else this.sendOn();",
      replace: "} else this.sendOn();",
      story: 145,
    },
    {
      what: "who has rested does not send on",
      find: "} else this.sendOn();",
      replace: "}",
      story: 136,
    },
    {
      what: "a source is not stopped when the flow wants no more",
      find: "if (source === null || !source.stop(isBrief)) return;",
      replace: "return;",
      story: 1141,
    },
    {
      what: "a header's bytes are the flow's, too",
      find: "queue.consume(steps.feed(bytes));",
      replace: "steps.feed(bytes);",
      story: 2,
    },
    {
      what: "behind what a step has read nothing is received",
      find: "if (steps.seen > 0) queue.settleDown();\n    this.receive(false);",
      replace: "if (steps.seen > 0) queue.settleDown();",
      story: 20,
    },
    {
      what: "the bytes behind a header are not counted",
      find: "    this.handOver(this.queue.size);\n",
      replace: "",
      story: 2,
    },
  ],
};
