import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";
import type { ProxyProtocolOut } from "../../entry/proxy-protocol/header.ts";
import type { Pattern } from "./pattern.ts";

/**
 * What an answer must hold: these bytes (at least one) somewhere in it, or a match of a regular
 * expression.
 */
export type Expectation = { readonly bytes: Uint8Array } | { readonly pattern: Pattern };

/**
 * One step of a check of kind `send-expect`. What is expected is looked for in all that came since the
 * last `send`, so that two expectations in a row look at the same answer.
 */
export type CheckStep = { readonly send: Uint8Array } | { readonly expect: Expectation };

/** What a Redis has to be: anything that answers, or in this role of a replication. */
export type RedisRole = "any" | "primary" | "replica";

/** How a check speaks TLS. Finished and validated. */
export interface TlsOptions {
  /**
   * Whom the certificate has to be for, and what is asked for by SNI if it is a name; null: the host
   * that is checked, or `localhost` where that is a unix socket.
   */
  readonly serverName: string | null;
  /** Whether the certificate has to be right; it is not looked at otherwise. */
  readonly verify: boolean;
  /** Certificates of authorities, PEM; null: those that Bun has built in. */
  readonly ca: string | null;
  /** What the check shows of itself where it is asked, PEM; null: nothing. */
  readonly identity: { readonly cert: string; readonly key: string } | null;
  /** Protocols that are offered by ALPN, the preferred one first, 1…255 bytes each; may be empty. */
  readonly alpn: readonly string[];
}

/** Another port of the upstream's own host. */
export interface OwnPort {
  readonly kind: "port";
  /** 1…65535. */
  readonly port: number;
}

/** How one upstream is asked whether it is well. Finished and validated. */
export interface CheckOptions {
  /**
   * `tcp`: it accepts a connection. `send-expect`: it plays the `steps`. `redis`: it answers PING
   * and, if asked for, has the `role`. `postgres`: it would let somebody log in. `http`: it answers
   * GET with a status that is expected.
   */
  readonly kind: "tcp" | "send-expect" | "redis" | "postgres" | "http";
  /** Milliseconds between the starts of two checks of one upstream, at least 1. */
  readonly intervalMs: number;
  /** The same while it is changing or failing, at least 1. */
  readonly fastIntervalMs: number;
  /** Milliseconds that one check may take, all of it, name lookup included; at least 1. */
  readonly timeoutMs: number;
  /** Each interval is up to this part longer or shorter, at random: 0…0.5. */
  readonly jitter: number;
  /** So many checks in a row must succeed until one that is down is up again, at least 1. */
  readonly rise: number;
  /** So many checks in a row must fail until one that is up is down, at least 1. */
  readonly fall: number;
  /**
   * What is checked instead of the upstream's own address, null for that one. A port only where the
   * upstream has a host.
   */
  readonly address: Address | OwnPort | null;
  /** What it is dialled from, at most one address of each family; missing: whatever the system picks. */
  readonly sources?: readonly string[];
  /** What each check begins with: a PROXY header that tells of no client, before TLS and all else. */
  readonly proxyProtocol: ProxyProtocolOut;
  /**
   * All is said by TLS, and the handshake has to succeed; a Postgres is asked for it first. Null: in
   * plain.
   */
  readonly tls: TlsOptions | null;
  /** `send-expect`: what is done, in this order; without any it is a check of kind `tcp`. */
  readonly steps?: readonly CheckStep[];
  /** `redis`: default `any`. */
  readonly role?: RedisRole;
  /** `redis`: what AUTH is sent with; without it there is no AUTH. */
  readonly password?: string;
  /**
   * `postgres`: who claims to log in, default `ringway`. A Postgres that trusts its clients logs an
   * error at each check for a user that does not exist. `redis`: whose `password` it is, default the
   * default user.
   */
  readonly user?: string;
  /** `http`: what is asked for, without spaces; see {@link httpDefaults}. */
  readonly path?: string;
  /** `http`: the Host; default the address that is checked. */
  readonly host?: string;
  /** `http`: the statuses that are well, both included; see {@link httpDefaults}. */
  readonly status?: { readonly least: number; readonly most: number };
}

/** What an `http` check asks for, and which answers are well, unless something else is said. */
export const httpDefaults = { path: "/", status: { least: 200, most: 399 } } as const;

/** Where an upstream is checked. */
export function checkedAddress(upstream: Address, { address }: CheckOptions): Address {
  if (address === null) return upstream;
  if (address.kind !== "port") return address;
  assert(upstream.kind === "tcp", "only who has a host is checked at another port");
  return { ...upstream, port: address.port };
}

/**
 * When relays' own dials take an upstream out of use for a while. Finished and validated.
 */
export interface EjectionOptions {
  /** So many dials in a row must fail, at least 1. */
  readonly failures: number;
  /** Milliseconds in which they must have failed, at least 1. */
  readonly withinMs: number;
  /** Milliseconds of the first ejection; the k-th in a row lasts k times as long. At least 1. */
  readonly baseMs: number;
  /** Milliseconds that an ejection lasts at most, at least `baseMs`. */
  readonly mostMs: number;
}

/** What holds unless something else is asked for. */
export const ejectionDefaults: EjectionOptions = {
  failures: 3,
  withinMs: 10_000,
  baseMs: 30_000,
  mostMs: 300_000,
};
