import { namedWord } from "./kind.ts";
import { perListener } from "./setting.ts";

/** What may be done with bytes. */
export const modes = ["bidirectional", "oneway", "sink"] as const;

/** What is done with bytes. */
export const relaying = {
  mode: perListener({
    is: namedWord(modes, "MODE"),
    about:
      "Relay both ways (bidirectional), from client to upstream only (oneway), or discard what clients send (sink).",
    more: "With oneway, what the upstream sends is read and discarded, so that it never stalls. A sink has no upstream.",
    initial: "bidirectional",
    at: "mode",
    short: "m",
  }),
};
