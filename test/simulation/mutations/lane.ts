import type { MutationsOf } from "./mutation.ts";

/**
 * Ways to break how bytes go from one end to the other. Left out, because they change nothing that anybody can see:
 *
 * - setSource: without the look for memory. The first receive finds none, and starves the flow.
 * - received: without settling behind the last bytes. What they leave in flight settles when it is over.
 * - sent: as if the flow had not been given up. Its counts are nobody's by then.
 * - clear: without the end of its rest. The next tenant's pace is another one.
 * - takePreamble: keeping a header's bytes until it is complete, or those of a client that was refused.
 */
export const laneMutations: MutationsOf = {
  "relay/lane.ts": [
    {
      what: "what the flow wants to send is not sent",
      find: "if ((effects & Effect.Send) !== 0) this.send();",
      replace: "",
    },
    {
      what: "what the flow wants to receive is not received",
      find: "if ((effects & Effect.Receive) !== 0) this.receive(false);",
      replace: "",
    },
    {
      what: "the end of a flow is not passed on",
      find: "if ((effects & Effect.End) !== 0) this.owner.end(this);",
      replace: "",
    },
    {
      what: "a source is not received from when it connects",
      find: "else this.receive(isQuiet);",
      replace: "",
    },
    {
      what: "a flow has no rate",
      find: "pacer === null ? null : pacer.begin(() => this.rested())",
      replace: "null",
    },
    {
      what: "who has rested does not go on",
      find: "pacer.begin(() => this.rested())",
      replace: "pacer.begin(() => {})",
    },
    {
      what: "a flow whose source is gone keeps its pace, and forgets it",
      find: "this.pacing.end();\n    this.pacing = null;\n    this.rested();",
      replace: "this.pacing.end();\n    this.pacing = null;",
    },
    {
      what: "what came before a pause has worked is not counted",
      find: "const kept = flow.flushed(size, queue.room);\n      if (kept < size) queue.cut(size - kept);",
      replace: "",
    },
    {
      what: "what the flow does not keep stays queued",
      find: "if (kept < size) queue.cut(size - kept);",
      replace: "",
    },
    {
      what: "what comes for a flow that was given up stays queued",
      find: "flow.received(size);\n      queue.cut(size);",
      replace: "flow.received(size);",
    },
    {
      what: "a source that brought bytes is not received from again",
      find: "if (flow.receiving) this.receive(false);\n    else if (flow.phase === Phase.Open) this.stop(wasReceiving);",
      replace: "if (flow.phase === Phase.Open && !flow.receiving) this.stop(wasReceiving);",
    },
    {
      what: "a source is received from whatever the flow wants",
      find: "else if (flow.phase === Phase.Open) this.stop(wasReceiving);\n    else owner.settle();",
      replace: "else if (flow.phase === Phase.Open) this.receive(false);\n    else owner.settle();",
    },
    {
      what: "a receive that was stopped is not asked for again",
      find: "if (this.wantsMore) this.receive(false);\n    else if (flow.receiving) flow.stopped();",
      replace: "if (flow.receiving && !this.wantsMore) flow.stopped();",
    },
    {
      what: "a receive that was stopped stays in flight",
      find: "else if (flow.receiving) flow.stopped();\n    this.owner.settle();",
      replace: "this.owner.settle();",
    },
    {
      what: "a flow without memory does not know it",
      find: "flow.starve();",
      replace: "",
    },
    {
      what: "a flow that lacks memory keeps its receive",
      find: "if (flow.receiving) flow.stopped();\n    this.source.stop(false);",
      replace: "this.source.stop(false);",
    },
    {
      what: "memory that is there again is not used",
      find: "if (this.flow.starved) this.start(this.flow.fed());",
      replace: "",
    },
    {
      what: "what was sent is not copied",
      find: "for (const view of queue.views(0, size)) this.copy.push(view);",
      replace: "",
    },
    {
      what: "what was sent is copied when it is consumed",
      find: "if (this.copy !== null) for (const view of queue.views(0, size)) this.copy.push(view);\n      queue.consume(size);",
      replace:
        "queue.consume(size);\n      if (this.copy !== null) for (const view of queue.views(0, size)) this.copy.push(view);",
    },
    {
      what: "what was sent stays queued",
      find: "      queue.consume(size);\n    }\n    let effects",
      replace: "    }\n    let effects",
    },
    {
      what: "a flow counts all that was asked for as sent",
      find: "let effects = flow.sent(size);",
      replace: "let effects = flow.sent(asked);",
    },
    {
      what: "a send that was short is the last one",
      find: "if (effects !== Effect.None) this.start(effects);",
      replace: "if (size === asked) this.start(effects);",
    },
    {
      what: "a flow that lacks memory is not fed by what it sends",
      find: "if (flow.starved && queue.isRoomy) effects |= flow.fed();",
      replace: "flow.starved = false;",
    },
    {
      what: "what a target that is lost was to be sent is in flight for ever",
      find: "if (this.flow.phase === Phase.Aborted) this.sendFailed();\n    else this.owner.targetLost(this);",
      replace: "if (this.flow.phase !== Phase.Aborted) this.owner.targetLost(this);",
    },
    {
      what: "a send that failed stays in flight",
      find: "if (this.flow.sending) this.flow.sent(0);\n    this.drop();",
      replace: "this.drop();",
    },
    {
      what: "what a send that failed leaves stays queued",
      find: "if (this.flow.sending) this.flow.sent(0);\n    this.drop();",
      replace: "if (this.flow.sending) this.flow.sent(0);",
    },
    {
      what: "queued bytes are thrown away while they are sent",
      find: "if (this.target === null || !this.target.holdsQueue) this.queue.clear();",
      replace: "this.queue.clear();",
    },
    {
      what: "nothing is thrown away",
      find: "if (this.target === null || !this.target.holdsQueue) this.queue.clear();",
      replace: "",
    },
    {
      what: "the next tenant gets the last one's bytes",
      find: "  clear(): void {\n    this.queue.clear();",
      replace: "  clear(): void {",
    },
    {
      what: "bytes that were received are not counted for the pace",
      find: "if (this.pacing !== null && this.pacesSource) this.pacing.used(size);",
      replace: "",
    },
    {
      what: "bytes that were sent are not counted for the pace",
      find: "if (this.pacing !== null && !this.pacesSource) this.pacing.used(size);",
      replace: "",
    },
    {
      what: "who rests is received from nevertheless",
      find: "      if (most === 0) {\n        source.stop(false);\n        return;\n      }",
      replace: "",
    },
    {
      what: "a send that has to rest is made nevertheless",
      find: "if (most === 0) return;\n    }\n    if (this.discards)",
      replace: "}\n    if (this.discards)",
    },
    {
      what: "a target that is nobody takes all there is, whatever its rate",
      find: "const taken = most === 0 ? size : Math.min(size, most);",
      replace: "const taken = size;",
    },
    {
      what: "who has rested is not received from",
      find: "if (this.wantsMore) this.receive(false);\n    } else this.sendOn();",
      replace: "} else this.sendOn();",
    },
    {
      what: "who has rested does not send on",
      find: "} else this.sendOn();",
      replace: "}",
    },
    {
      what: "a source is not stopped when the flow wants no more",
      find: "if (source === null || !source.stop(isBrief)) return;",
      replace: "return;",
    },
    {
      what: "a header's bytes are the flow's, too",
      find: "queue.consume(steps.feed(bytes));",
      replace: "steps.feed(bytes);",
    },
    {
      what: "behind what a step has read nothing is received",
      find: "if (steps.isOver) this.stepsOver(steps);\n    else this.receive(false);",
      replace: "if (steps.isOver) this.stepsOver(steps);",
    },
    {
      what: "the bytes behind a header are not counted",
      find: "    this.handOver(this.queue.size);\n",
      replace: "",
    },
  ],
};
