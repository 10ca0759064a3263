import type { MutationsOf } from "./mutation.ts";

/**
 * Ways to break how upstreams are chosen, dialled and waited for. Left out, as with one worker it changes nothing: an
 * upstream without a limit when it is entered. Who is full is not chosen.
 */
export const dialMutations: MutationsOf = {
  "system/dial-reason.ts": [
    {
      what: "what is refused was not reached",
      find: 'return "connect_refused";',
      replace: 'return "connect_unreachable";',
      story: 13,
    },
    {
      what: "a want of descriptors is the upstream's",
      find: 'case "ENFILE":\n      return "descriptor_limit";',
      replace: 'case "ENFILE":\n      return null;',
      story: 112,
    },
  ],
  "relay/relay-story.ts": [
    {
      what: "a route's upstream is not tried first",
      find: "chooser.enter(clientAddress, tried, wanted.upstream, wanted.isStrict)",
      replace: "chooser.enter(clientAddress, tried)",
      story: 23,
    },
    {
      what: "an upstream that was tried is tried again",
      find: "const { chooser, tried, wanted } = this;",
      replace: "const tried: number[] = [], { chooser, wanted } = this;",
      story: 35,
    },
    {
      what: "what a kernel has is not on its way",
      find: "return this.unsent > 0 || this.unread > 0;",
      replace: "return false;",
      story: 133,
    },
    {
      what: "who moves is stalled",
      find: "return this.look(STALL, this.movedBytes - this.unsent, this.isHeldUp);",
      replace: "return this.look(STALL, 0, this.isHeldUp);",
      story: 327,
    },
  ],
  "relay/waiting-room.ts": [
    {
      what: "those that waited for room are counted",
      find: "    this.count(wait, -1);\n",
      replace: "",
      story: 449,
    },
  ],
  "upstream/chooser.ts": [
    {
      what: "one that is closed is chosen",
      find: "return this.belongs[index] === 1 && this.table.isOpen(this.rows[index] as number);",
      replace: "return this.belongs[index] === 1;",
      story: 8,
    },
  ],
};
