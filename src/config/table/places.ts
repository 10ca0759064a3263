import { formatAddress } from "../../base/address.ts";
import { defaults } from "../defaults.ts";

/*
 * What stands around settings: addresses, names, lists and tables. Their rules are in schema.ts and
 * settings.ts, as these are the only ones of their kind.
 */

/** A key that is no setting with a value of its own. */
export interface Place {
  /** As of a setting. */
  readonly about: string;
  readonly more?: string;
  readonly initial?: string;
  /** What a program may write: a type of TypeScript. */
  readonly type: string;
  /** A table without it is not right. */
  readonly isNeeded?: true;
}

const upstreamType = "UpstreamConfig | readonly UpstreamConfig[]";

/** At the top of a file. */
export const topPlaces = {
  listen: {
    about: "Accept clients here (repeatable).",
    more: "host:port, :port (all addresses), [ipv6]:port, unix:/path or unix:@name; port 0 picks a free one, and 5000-5010 are several. A host name stands for each of its addresses. On Linux a wide and a narrow address may share a port: the narrowest one gets the client. Not together with listeners.",
    initial: formatAddress(defaults.listen),
    type: "string | readonly string[]",
  },
  upstream: {
    about: "Relay them to here (repeatable), such as db:5432 or srv:_redis._tcp.example.org.",
    more: "host:port, [ipv6]:port, unix:/path, unix:@name (ports 5000-5010 belong to those of a listener, one by one) or a service in DNS (SRV records), or a table that says more. Beside a list of listeners, it is for those that name none. Without a file and an upstream, a demo server inside.",
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
    about: "What the log calls it.",
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
    more: "Settings of a service hold for each of its members.",
    type: "string",
    isNeeded: true,
  },
} as const satisfies Readonly<Record<string, Place>>;
