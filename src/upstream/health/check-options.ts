import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";
import type { ProxyProtocolOut } from "../../entry/proxy-protocol/header.ts";
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";
import type { Pattern } from "./pattern.ts";

/** What an answer must contain: these bytes (at least one), or a match of a regular expression. */
export type Expectation = { readonly bytes: Uint8Array } | { readonly pattern: Pattern };

/**
 * One step of a `send-expect` check. An expectation searches everything received since the last
 * `send`, so two expectations in a row search the same answer.
 */
export type CheckStep = { readonly send: Uint8Array } | { readonly expect: Expectation };

/** What a Redis must be: anything that answers, or a server with this replication role. */
export type RedisRole = "any" | "primary" | "replica";

/** Another port of the upstream's host. */
export interface OwnPort {
  readonly kind: "port";
  /** 1…65535. */
  readonly port: number;
}

/** How to check one upstream. Finished and validated. */
export interface CheckOptions {
  /**
   * What an upstream must do to pass. `tcp`: accept a connection. `send-expect`: play the `steps`.
   * `redis`: answer PING and have the `role`, if one is set. `postgres`: be ready to let a user log
   * in. `http`: answer GET with an expected status.
   */
  readonly kind: "tcp" | "send-expect" | "redis" | "postgres" | "http";
  /** Milliseconds between the starts of two checks of one upstream, at least 1. */
  readonly intervalMs: number;
  /** The same while its health is unknown, changing or down; at least 1. */
  readonly fastIntervalMs: number;
  /** Milliseconds that one check may take in all, name lookup included; at least 1. */
  readonly timeoutMs: number;
  /** Each interval is lengthened or shortened at random by up to this fraction: 0…0.5. */
  readonly jitter: number;
  /** An upstream that is down comes up after this many successful checks in a row, at least 1. */
  readonly rise: number;
  /** An upstream that is up goes down after this many failed checks in a row, at least 1. */
  readonly fall: number;
  /**
   * What to check instead of the upstream's own address; null: that address. A port is possible
   * only if the upstream has a host.
   */
  readonly address: Address | OwnPort | null;
  /** Addresses to dial from, at most one of each family; missing: the system chooses. */
  readonly sources?: readonly string[];
  /** The PROXY header that each check sends first, before TLS. It names no client. */
  readonly proxyProtocol: ProxyProtocolOut;
  /** The check speaks TLS, and the handshake must succeed. Null: no TLS. */
  readonly tls: TlsClientOptions | null;
  /** `send-expect`: the steps, in order; without any, the check is the same as `tcp`. */
  readonly steps?: readonly CheckStep[];
  /** `redis`: default `any`. */
  readonly role?: RedisRole;
  /** `redis`: the password for AUTH; if missing, the check sends no AUTH. */
  readonly password?: string;
  /**
   * `postgres`: the user who claims to log in, default `ringway`. A Postgres that trusts its
   * clients logs an error at each check if the user does not exist. `redis`: the user of the
   * `password`; if missing, the default user.
   */
  readonly user?: string;
  /** `http`: the path to request, without spaces; see {@link httpDefaults}. */
  readonly path?: string;
  /** `http`: the Host; default: the address being checked. */
  readonly host?: string;
  /** `http`: the range of statuses that pass, inclusive; see {@link httpDefaults}. */
  readonly status?: { readonly least: number; readonly most: number };
}

/** What an `http` check requests, and which statuses pass, by default. */
export const httpDefaults = { path: "/", status: { least: 200, most: 399 } } as const;

/** The address where an upstream is checked. */
export function checkedAddress(upstream: Address, { address }: CheckOptions): Address {
  if (address === null) return upstream;
  if (address.kind !== "port") return address;
  assert(upstream.kind === "tcp", "only an upstream with a host is checked at another port");
  return { ...upstream, port: address.port };
}

/** When failed dials of relays eject an upstream for a while. Finished and validated. */
export interface EjectionOptions {
  /** This many dials in a row must fail, at least 1. */
  readonly failures: number;
  /** Milliseconds within which they must fail, at least 1. */
  readonly withinMs: number;
  /** Milliseconds of the first ejection; the k-th in a row lasts k times as long. At least 1. */
  readonly baseMs: number;
  /** Milliseconds that an ejection lasts at most; at least `baseMs`. */
  readonly mostMs: number;
}

/** The defaults of {@link EjectionOptions}. */
export const ejectionDefaults: EjectionOptions = {
  failures: 3,
  withinMs: 10_000,
  baseMs: 30_000,
  mostMs: 300_000,
};
