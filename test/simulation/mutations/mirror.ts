import type { MutationsOf } from "./mutation.ts";

/** Ways to break what mirrors get. */
export const mirrorMutations: MutationsOf = {
  "relay/mirror/copy.ts": [
    {
      what: "what a mirror does not take at once is lost",
      find: "    this.wait(rest);\n  }\n\n  /** The upstream got FIN",
      replace: "  }\n\n  /** The upstream got FIN",
      story: 21,
    },
    {
      what: "what a mirror has taken is sent again",
      find: "rest = bytes.subarray(taken);",
      replace: "rest = bytes;",
      story: 133,
    },
    {
      what: "a mirror never gets the end",
      find: "    this.end = End.Fin;\n    this.advance();",
      replace: "    this.end = End.Fin;",
      story: 23,
    },
    {
      what: "a mirror's end is the end of a copy that was cut short",
      find: "if (this.end === End.None) this.end = isClean ? End.Fin : End.Reset;",
      replace: "if (this.end === End.None) this.end = End.Fin;",
      story: 23,
    },
    {
      what: "a copy that is given up stays open",
      find: "    this.mirror.account.drop(reason);\n    this.closeNow(false);\n    return true;",
      replace: "    this.mirror.account.drop(reason);\n    return true;",
      story: 0,
    },
    {
      what: "what a mirror took waits",
      find: "    backlog.consume(size);\n    this.mirror.account.sent(size);",
      replace: "    this.mirror.account.sent(size);",
      story: 21,
    },
    {
      what: "the last bytes are not followed by an end",
      find: "    this.copies.waiting.delete(this);\n    this.advance();\n  }\n\n  /** The mirror takes no more",
      replace: "    this.copies.waiting.delete(this);\n  }\n\n  /** The mirror takes no more",
      story: 21,
    },
  ],
};
