import { formatAddress } from "../../base/address.ts";
import { defaults } from "../defaults.ts";

/*
 * The keys around settings: addresses, names, lists and tables. Their rules are in schema.ts and
 * settings.ts.
 */

/** A key that is no setting with a value of its own. */
export interface Place {
  /** As in {@link Setting}. */
  readonly about: string;
  readonly more?: string;
  readonly initial?: string;
  /** What a program may write: a TypeScript type. */
  readonly type: string;
  /** Its table is invalid without it. */
  readonly isNeeded?: true;
}

const upstreamType = "UpstreamConfig | readonly UpstreamConfig[]";

/** At the top of a file. */
export const topPlaces = {
  listen: {
    about: "Accept clients here (repeatable).",
    more: "host:port, :port (all addresses), [ipv6]:port, unix:/path or unix:@name. Port 0 picks a free port; 5000-5010 is a range of ports. A host name stands for each of its addresses. On Linux a wide and a narrow address may share a port: the narrowest one gets the client. Not together with listeners.",
    initial: formatAddress(defaults.listen),
    type: "string | readonly string[]",
  },
  upstream: {
    about: "Relay them to here (repeatable), such as db:5432 or srv:_redis._tcp.example.org.",
    more: "host:port, [ipv6]:port, unix:/path, unix:@name, a service in DNS (SRV records), or a table with settings. A range of ports (5000-5010) pairs up with the listener's range, port by port. Beside a list of listeners, it is for those without upstreams. Without a file and an upstream, ringway relays to a demo server of its own.",
    type: upstreamType,
  },
  listeners: {
    about: "Listeners with upstreams and settings of their own.",
    type: "readonly ListenerConfig[]",
  },
  uring: { about: "Settings of the uring engine.", type: "UringConfig" },
} as const satisfies Readonly<Record<string, Place>>;

/** In a listener of the list. */
export const listenerPlaces = {
  name: {
    about: "The listener's name in the log.",
    more: "1…63 letters, digits, dots, dashes and underscores. Each name is used once.",
    type: "string",
  },
  listen: {
    about: "Where it accepts clients: an address or a list of them.",
    more: "Addresses with one name are one listener, with one set of limits. Without a name, each is a listener of its own.",
    type: "string | readonly string[]",
    isNeeded: true,
  },
  upstreams: {
    about: "Where its relays go: an upstream or a list of them.",
    more: "By default, those at the top. With mode sink there are none.",
    type: upstreamType,
  },
} as const satisfies Readonly<Record<string, Place>>;

/** In an upstream that is a table. */
export const upstreamPlaces = {
  address: {
    about: "Where it is, such as db:5432, unix:/path or srv:_redis._tcp.example.org.",
    more: "Settings of a service apply to each of its members.",
    type: "string",
    isNeeded: true,
  },
} as const satisfies Readonly<Record<string, Place>>;
