import type { MutationsOf } from "./mutation.ts";

/** Ways to break what mirrors get. */
export const mirrorMutations: MutationsOf = {
  "relay/mirror/copy.ts": [
    {
      what: "what a mirror does not take at once is lost",
      find: "    this.wait(rest);\n  }\n\n  /** The upstream has got FIN",
      replace: "  }\n\n  /** The upstream has got FIN",
    },
    {
      what: "what a mirror has taken is sent again",
      find: "rest = bytes.subarray(taken);",
      replace: "rest = bytes;",
    },
    {
      what: "what comes overtakes what waits",
      isOpen: true,
      find: "if (this.phase === CopyPhase.Open && this.backlog.size === 0) {\n      const taken",
      replace: "if (this.phase === CopyPhase.Open) {\n      const taken",
    },
    {
      what: "a mirror that is gone gets more",
      isOpen: true,
      find: 'if (taken < 0) {\n        this.drop("reset");\n        return;\n      }',
      replace: "if (taken < 0) return;",
    },
    {
      what: "a copy has a hole instead of none",
      isOpen: true,
      find: 'if (kept !== Kept.All) this.drop(kept === Kept.TooMany ? "slow" : "memory");\n    else if',
      replace: "if (kept !== Kept.All) return;\n    if",
    },
    {
      what: "a mirror never gets the end",
      find: "    this.end = End.Fin;\n    this.advance();",
      replace: "    this.end = End.Fin;",
    },
    {
      what: "a mirror's end is the end of a copy that was cut short",
      find: "if (this.end === End.None) this.end = isClean ? End.Fin : End.Reset;",
      replace: "if (this.end === End.None) this.end = End.Fin;",
    },
    {
      what: "a mirror that takes nothing has for ever when its relay is over",
      isOpen: true,
      find: "    this.copies.leaving.add(this);\n    this.advance();",
      replace: "    this.advance();",
    },
    {
      what: "a copy that is given up stays open",
      find: "    this.mirror.account.drop(reason);\n    this.closeNow(false);\n    return true;",
      replace: "    this.mirror.account.drop(reason);\n    return true;",
    },
    {
      what: "a mirror's dial has for ever",
      isOpen: true,
      find: "    this.mirror.dialing.add(this);\n    this.dial",
      replace: "    this.dial",
    },
    {
      what: "the time of a mirror's dial goes on",
      isOpen: true,
      find: "    this.mirror.dialing.delete(this);\n    this.close(isClean);",
      replace: "    this.close(isClean);",
    },
    {
      what: "what waited for the mirror's answer is not sent",
      isOpen: true,
      find: "      this.copies.waiting.add(this);\n      this.sendWaiting();\n    }\n  }\n\n  /** The name's next address",
      replace: "    }\n  }\n\n  /** The name's next address",
    },
    {
      what: "a name has one address",
      isOpen: true,
      find: "    if (next === undefined) this.dialFailed(code);\n    else this.attempt(next);",
      replace:
        '    if (next === undefined || code !== "") this.dialFailed(code);\n    else this.attempt(next);',
    },
    {
      what: "what a mirror took waits",
      find: "    backlog.consume(size);\n    this.mirror.account.sent(size);",
      replace: "    this.mirror.account.sent(size);",
    },
    {
      what: "the last bytes are not followed by an end",
      find: "    this.copies.waiting.delete(this);\n    this.advance();\n  }\n\n  /** The mirror takes nothing",
      replace: "    this.copies.waiting.delete(this);\n  }\n\n  /** The mirror takes nothing",
    },
    {
      what: "a mirror's FIN is not waited for",
      isOpen: true,
      find: "if (this.phase === CopyPhase.Ended) this.closeNow(true);",
      replace: "",
    },
    {
      what: "a copy that is over keeps what waited",
      isOpen: true,
      find: "    this.backlog.clear();\n",
      replace: "",
    },
    {
      what: "a copy that is over is one of those that run",
      isOpen: true,
      find: "    this.copies.over(this);\n",
      replace: "",
    },
    {
      what: "a copy that stands still is given up at once",
      isOpen: true,
      find: "    if (this.takenSince === 0) {",
      replace: "    if (this.takenSince >= 0) {",
    },
  ],
  "relay/mirror/copies.ts": [
    {
      what: "a mirror that is left alone is dialled",
      isOpen: true,
      find: 'if (mirror.isPaused) copy.giveUp("unreachable");\n    else if',
      replace: "if",
    },
    {
      what: "copies take descriptors that relays need",
      isOpen: true,
      find: 'else if (!this.host.descriptors.ample) copy.drop("descriptors");',
      replace: "",
    },
    {
      what: "a stop waits for copies",
      isOpen: true,
      find: "this.alarm(STOP_MS, () => this.cut());",
      replace: "",
    },
    {
      what: "nobody hears that the last copy is over",
      isOpen: true,
      find: "if (this.running.size === 0) this.host.noCopies();",
      replace: "",
    },
    {
      what: "a copy counts as complete whatever became of it",
      isOpen: true,
      find: 'copy.mirror.account.ends(copy.outcome === "mirrored");',
      replace: "copy.mirror.account.ends(true);",
    },
    {
      what: "whose copy a mirror gets is the next one's",
      isOpen: true,
      find: "    this.leaving.delete(copy);\n    this.waiting.delete(copy);",
      replace: "    this.waiting.delete(copy);",
    },
    {
      what: "copies stay where relays have no descriptors",
      isOpen: true,
      find: '      left--;\n      copy.drop("descriptors");',
      replace: "      left--;",
    },
  ],
  "relay/mirror/mirror.ts": [
    {
      what: "a mirror that failed once is left alone for ever",
      isOpen: true,
      find: "const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.failures);",
      replace: "const pauseMs = Infinity;",
    },
  ],
};
