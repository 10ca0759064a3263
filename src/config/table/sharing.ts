import { parseSize } from "../../base/quantity.ts";
import { commandNames } from "../command-names.ts";
import { refuse, scalar, tight } from "../rule.ts";
import { count, durationOrOff, joined, type Kind, namedWord, sizeBy, textsBy } from "./kind.ts";
import { perListener } from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** How a listener of mode `valkey` shares its upstream connections. */
export const sharing = {
  valkeyConnections: perListener({
    is: count(1, 64),
    about: "How many upstream connections the clients of a worker share.",
    more: "Each user, database and protocol version has as many of its own. A client stays on one of them.",
    initial: 1,
    at: "valkey.connections",
    needs: "mode",
    examples: { cache: 2 },
  }),
  valkeyLarge: perListener({
    is: sizeFrom(KIB, 512 * MIB),
    about: "A larger request goes out on a leased connection, so that others need not wait for it.",
    more: "After a larger reply a client keeps a leased connection for its next 32 replies.",
    initial: "64KiB",
    at: "valkey.largeBytes",
    needs: "mode",
    examples: { cache: "32KiB" },
  }),
  valkeyLeased: perListener({
    is: count(1, 65_536),
    about: "The most leased connections of a worker.",
    more: "A client leases one for itself: for a transaction, a script, a blocking command, subscriptions, a command that ringway does not know, a large request or a command of valkeySlow.",
    initial: 512,
    at: "valkey.leased",
    needs: "mode",
    examples: { cache: 100 },
  }),
  valkeyLeaseTimeout: perListener({
    is: durationOrOff("1ms…1h"),
    about: "How long a client waits for a leased connection when all are taken.",
    more: "After that, or at once with off, it gets an error.",
    initial: "5s",
    at: "valkey.leaseTimeoutMs",
    needs: "mode",
    examples: { cache: "2s" },
  }),
  valkeyBacklog: perListener({
    is: sizeFrom(16 * KIB, 1024 * MIB),
    about: "Close a client that leaves more than this of its replies unread.",
    more: "It has a second to catch up. The reason is client_slow.",
    initial: "1MiB",
    at: "valkey.backlogBytes",
    needs: "mode",
    examples: { cache: "4MiB" },
  }),
  valkeyRetry: perListener({
    is: namedWord(["none", "reads"], "WHICH"),
    about:
      "Whether commands that only read are sent again after their connection was lost: none or reads.",
    more: "Any other command gets an error, since the upstream may have executed it.",
    initial: "none",
    at: "valkey.retry",
    needs: "mode",
    examples: { cache: "reads" },
  }),
  valkeySlow: perListener({
    is: textsBy(commandNames, "COMMANDS", joined),
    about: "Commands that take a leased connection, such as KEYS,SORT,FT.SEARCH.",
    more: "Separated by commas, or a list. CONFIG means all of its subcommands, CONFIG SET only that one.",
    initial: "none",
    at: "valkey.slow",
    needs: "mode",
    examples: { cache: ["KEYS", "SORT"] },
  }),
  valkeyDeny: perListener({
    is: textsBy(commandNames, "COMMANDS", joined),
    about: "Commands that clients may not use, such as FLUSHALL,KEYS,CONFIG.",
    more: "A client that sends one gets the error NOPERM. CONFIG means all of its subcommands, CONFIG SET only that one.",
    initial: "none",
    at: "valkey.deny",
    needs: "mode",
    examples: { cache: "FLUSHALL,CONFIG" },
  }),
};

function sizeFrom(least: number, most: number): Kind<number> {
  const range = `${tight(least)}…${tight(most)}`;
  const rule = (value: unknown) => {
    const bytes = parseSize(scalar(value));
    return bytes >= least && bytes <= most ? bytes : refuse(value, `a size of ${range}`);
  };
  return { ...sizeBy(rule), range };
}
