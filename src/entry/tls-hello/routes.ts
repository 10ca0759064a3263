import { formatAddress } from "../../base/address.ts";
import { HostNameTable } from "../../base/host-name-table.ts";
import type { UpstreamOptions } from "../../config/options.ts";
import type { Hello } from "./hello.ts";

/**
 * Where the clients of a listener go that ask for certain names or protocols. One without names, protocols and
 * `isPlain` is the default. Finished and validated.
 */
export interface NameRoute {
  /** What the log and metrics call it; no other route of the listener has the same. */
  readonly label: string;
  /** Host names, and wildcards such as `*.example.org`, as `hostPattern` returns them. */
  readonly names: readonly string[];
  /** Application protocols (ALPN), one of which a client has to offer; empty for any or none. */
  readonly alpn: readonly string[];
  /** It is for clients that do not speak TLS. */
  readonly isPlain: boolean;
  /** Addresses and services among the listener's upstreams, as they are configured; null for all of them. */
  readonly upstreams: readonly string[] | null;
  /** Its clients may not come in. */
  readonly isRefused: boolean;
}

/** Those of a listener's upstreams that a route leads to: members of a service by its name. */
export function upstreamsOf(
  { upstreams }: Pick<NameRoute, "upstreams">,
  all: readonly UpstreamOptions[],
): readonly UpstreamOptions[] {
  if (upstreams === null) return all;
  const names = new Set(upstreams);
  return all.filter(({ address, service: name }) => {
    return names.has(formatAddress(name === undefined ? address : { kind: "service", name }));
  });
}

/** Routes that a listener may have: each has a queue of its own, and a label in metrics. */
export const ROUTES_MAX = 1_024;

/**
 * Finds a client's route by its hello:
 *
 *     no TLS ─────────► plain
 *     TLS ─► exact name ─► wildcard, the longest first ─► protocol alone ─► default
 *
 * A route with names and protocols needs both. Of routes with the same name those with protocols come first; among
 * these, and among those with protocols alone, the first of the configuration. It never changes.
 */
export class RouteTable {
  private readonly byName: HostNameTable<NameRoute[]>;
  private readonly byProtocol: readonly NameRoute[];
  private readonly plain: NameRoute | null;
  private readonly fallback: NameRoute | null;

  constructor(routes: readonly NameRoute[]) {
    const groups = new Map<string, NameRoute[]>();
    for (const route of routes) {
      for (const name of route.names) groups.set(name, [...(groups.get(name) ?? []), route]);
    }
    for (const group of groups.values()) {
      group.sort((one, other) => Number(isOpen(one)) - Number(isOpen(other)));
    }
    this.byName = new HostNameTable(groups);
    const nameless = routes.filter(({ names }) => names.length === 0);
    this.byProtocol = nameless.filter(({ alpn }) => alpn.length > 0);
    this.plain = nameless.find(({ isPlain }) => isPlain) ?? null;
    this.fallback = nameless.find((route) => !route.isPlain && isOpen(route)) ?? null;
  }

  /** Clients need not speak TLS. */
  get takesPlain(): boolean {
    return this.plain !== null;
  }

  /** @returns null if no route is for this client */
  find(hello: Hello): NameRoute | null {
    if (!hello.isTls) return this.plain;
    const { name } = hello;
    const isFor = (route: NameRoute) => isOpen(route) || offers(hello, route);
    const named = name === null ? null : this.byName.findNamed(name, (all) => all.some(isFor));
    return named?.find(isFor) ?? this.byProtocol.find(isFor) ?? this.fallback;
  }

  /** Whether a route is for the name that a client asks for, if only it offered another protocol. */
  knowsName({ name }: Hello): boolean {
    return name !== null && this.byName.findNamed(name) !== null;
  }
}

/** It asks for no protocol. */
function isOpen({ alpn }: NameRoute): boolean {
  return alpn.length === 0;
}

function offers(hello: Hello, route: NameRoute): boolean {
  return hello.alpn.some((offered) => route.alpn.includes(offered));
}
