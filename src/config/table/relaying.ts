import { namedWord } from "./kind.ts";
import { perListener } from "./setting.ts";

/** The modes of a listener. */
export const modes = ["bidirectional", "oneway", "sink", "valkey"] as const;

/** What a listener does with bytes. */
export const relaying = {
  mode: perListener({
    is: namedWord(modes, "MODE"),
    about:
      "Relay both ways (bidirectional), from client to upstream only (oneway), discard what clients send (sink), or let clients of Valkey share upstream connections (valkey).",
    more: "With oneway, ringway reads and discards what the upstream sends, so the upstream never stalls. A sink has no upstream. With valkey, ringway reads the Redis protocol, and many clients share few connections.",
    initial: "bidirectional",
    at: "mode",
    short: "m",
    examples: { cache: "valkey" },
  }),
};
