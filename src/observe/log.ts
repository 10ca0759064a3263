import type { ConsolaInstance } from "consola/core";
import { formatCount, formatCounted, formatDuration, formatSize } from "../config/quantity.ts";
import type { ProxyObserver, RelaySummary } from "../engine/engine.ts";
import type { MirrorDrop } from "../engine/mirror/reason.ts";
import type { Reason } from "../flow/reason.ts";
import type { AddressEvent, NameEvent, ServiceEvent, UpstreamEvent } from "../upstream/events.ts";
import type { History } from "./history.ts";
import { Condition, Limit, WINDOW_MS } from "./limit.ts";
import { Refusals } from "./refusals.ts";

/** What this file needs of a logger; consola is one. `level` is consola's: 3 info, 4 debug. */
export type Logger = Pick<ConsolaInstance, "level" | "debug" | "info" | "warn" | "error">;

const DEBUG = 4;
/** Upstreams that fail are remembered to that number even when nothing is held back. */
const DIALS_KEPT = 1_024;
/** Addresses of a name that a line has. */
const LISTED_MAX = 8;

/** A dial that failed, for the line that tells of the ones held back. */
interface DialFailures {
  readonly limit: Limit;
  reason: Reason;
  detail: string;
}

/** The same of copies to a mirror. */
interface MirrorDrops {
  readonly limit: Limit;
  last: MirrorDrop;
}

/** The same of a listener's route function. */
interface RouteFailures {
  readonly limit: Limit;
  why: string;
}

/**
 * Logs what an engine tells, and keeps the relays that ended.
 *
 * Quiet and cheap under load: a relay is a debug line, whose text is built only if it is logged;
 * what may happen thousands of times a second is one line a second with a count. There is no text
 * of a client in any line: addresses, reasons and the system's own words only.
 */
export class LogObserver implements ProxyObserver {
  /** One entry per listener and upstream that a dial to failed; of many, those alone that fail now. */
  private readonly dials = new Map<string, DialFailures>();
  /** One entry per listener whose route function has failed. */
  private readonly routes = new Map<string, RouteFailures>();
  /** One entry per listener and mirror of which a copy was given up. */
  private readonly mirrors = new Map<string, MirrorDrops>();
  private readonly refusals: Refusals;
  private readonly pool: Condition;
  private readonly accepting: Condition;
  private acceptCause = "";
  private readonly untellable: Limit;

  /** @param windowMs milliseconds in which a rate-limited line is logged once */
  constructor(
    private readonly log: Logger,
    private readonly history: History,
    private readonly windowMs = WINDOW_MS,
  ) {
    this.refusals = new Refusals((line) => this.log.warn(line));
    this.untellable = new Limit((heldBack) => this.tellUntold(heldBack), windowMs);
    this.pool = new Condition((on, heldBack) => this.tellPool(on, heldBack), windowMs);
    this.accepting = new Condition((on, heldBack) => this.tellAccepting(on, heldBack), windowMs);
  }

  relayEnded(relay: RelaySummary): void {
    this.history.add(relay);
    this.refusals.ended(relay);
    if (this.log.level >= DEBUG) this.log.debug(relayLine(relay));
  }

  dialFailed(
    upstream: string,
    reason: Reason,
    detail: string,
    _slot: number,
    listener?: string,
  ): void {
    const name = `${listener === undefined ? "" : `${listener}: `}upstream ${upstream}`;
    let failures = this.dials.get(name);
    if (failures === undefined) {
      const limit = new Limit((heldBack) => this.tellDials(name, heldBack), this.windowMs);
      failures = { limit, reason, detail };
      if (this.dials.size >= DIALS_KEPT) this.forgetIdle();
      this.dials.set(name, failures);
    }
    failures.reason = reason;
    failures.detail = detail;
    if (failures.limit.take()) this.log.warn(`${name}: ${reason}${inBrackets(detail)}`);
  }

  routeFailed(listener: string, why: string): void {
    let failures = this.routes.get(listener);
    if (failures === undefined) {
      const limit = new Limit((heldBack) => this.tellRoutes(listener, heldBack), this.windowMs);
      failures = { limit, why };
      this.routes.set(listener, failures);
    }
    failures.why = why;
    if (failures.limit.take()) this.log.warn(`${listener}: the route function has failed: ${why}`);
  }

  mirrorDropped(drop: MirrorDrop): void {
    const { listener, mirror, relay, reason, detail } = drop;
    const name = `${listener}: mirror ${mirror}`;
    let drops = this.mirrors.get(name);
    if (drops === undefined) {
      const limit = new Limit((heldBack) => this.tellMirror(name, heldBack), this.windowMs);
      drops = { limit, last: drop };
      this.mirrors.set(name, drops);
    }
    drops.last = drop;
    if (!drops.limit.take()) return;
    this.log.warn(
      `${name}: the copy of relay ${relay} is given up: ${reason}${inBrackets(detail)}`,
    );
  }

  upstreamChanged({ listener, upstream, to, why, isUntried }: UpstreamEvent): void {
    const what = isUntried ? "may be tried again" : `is ${to}`;
    this.log[to === "up" ? "info" : "warn"](`${listener}: upstream ${upstream} ${what}: ${why}`);
  }

  addressChanged({ listener, upstream, address, isWell, why }: AddressEvent): void {
    const name = `${listener}: upstream ${upstream}: its address ${address}`;
    this.log[isWell ? "info" : "warn"](`${name} is ${isWell ? "up" : "down"}: ${why}`);
  }

  primariesChanged(listener: string, upstreams: readonly string[]): void {
    if (upstreams.length < 2) {
      this.log.info(`${listener}: no two upstreams say any more that they are the primary`);
      return;
    }
    const names = upstreams.length === 2 ? upstreams.join(" and ") : listed(upstreams);
    const all = upstreams.length === 2 ? "both" : "all";
    this.log.warn(
      `${listener}: ${names} ${all} say that they are the primary: writes may go to each`,
    );
  }

  panicChanged(listener: string, isOn: boolean): void {
    if (isOn) this.log.warn(`${listener}: too few upstreams are well: all get relays`);
    else this.log.info(`${listener}: enough upstreams are well again`);
  }

  nameChanged({ name, addresses, isNews }: NameEvent): void {
    this.log[isNews ? "info" : "debug"](`host ${name} is ${listed(addresses)} now`);
  }

  nameFailing(name: string, why: string): void {
    this.log.warn(`host ${name}: ${why}; its last addresses are kept`);
  }

  nameTrouble(name: string, what: string): void {
    this.log.warn(`host ${name}: ${what}`);
  }

  serviceChanged(event: ServiceEvent): void {
    this.log[event.isNews ? "info" : "debug"](serviceLine(event));
  }

  serviceFailing(name: string, why: string): void {
    this.log.warn(`service ${name}: ${why}; its last members are kept`);
  }

  serviceTrouble(name: string, what: string): void {
    this.log.warn(`service ${name}: ${what}`);
  }

  poolGrew(bytes: number): void {
    if (this.log.level >= DEBUG) this.log.debug(`the pool has ${formatSize(bytes)} now`);
  }

  poolEmpty(): void {
    this.pool.set(true);
  }

  poolRefilled(): void {
    this.pool.set(false);
  }

  acceptPaused(cause: "descriptors" | "memory", relays: number): void {
    const limit = cause === "descriptors" ? "no file descriptor is left (ulimit -n)" : "no memory";
    this.acceptCause = `${limit}, ${formatCount(relays)} relays running`;
    this.accepting.set(true);
  }

  acceptResumed(): void {
    this.accepting.set(false);
  }

  workerFailed(worker: number, error: string, relays: number, replacedAfterMs: number): void {
    const after = replacedAfterMs === 0 ? "now" : `in ${formatDuration(replacedAfterMs)}`;
    const ended = formatCounted(relays, "relay");
    this.log.error(`worker ${worker} has met a defect, ${ended} ended; another begins ${after}`);
    this.log.error(error);
  }

  workerSilent(worker: number, isSilent: boolean): void {
    if (isSilent) this.log.error(`worker ${worker} does not answer: it is waited for a little`);
    else this.log.info(`worker ${worker} answers again`);
  }

  untold(error: string): void {
    if (!this.untellable.take()) return;
    this.log.error("something could not be told (no relay is touched): logs and metrics lack it");
    this.log.error(error);
  }

  /** Logs what was held back so far: before the last lines of a run. */
  flush(): void {
    for (const { limit } of this.dials.values()) limit.flush();
    for (const { limit } of this.routes.values()) limit.flush();
    for (const { limit } of this.mirrors.values()) limit.flush();
    this.untellable.flush();
    this.refusals.flush();
    this.pool.flush();
    this.accepting.flush();
  }

  /** Members of services come and go without end. */
  private forgetIdle(): void {
    for (const [name, { limit }] of this.dials) if (limit.isIdle) this.dials.delete(name);
  }

  private tellDials(name: string, heldBack: number): void {
    const failures = this.dials.get(name);
    if (failures === undefined) return;
    const last = `${failures.reason}${inBrackets(failures.detail)}`;
    this.log.warn(`${name}: ${times(heldBack)}, the last one ${last}`);
  }

  private tellRoutes(listener: string, heldBack: number): void {
    const why = this.routes.get(listener)?.why;
    this.log.warn(`${listener}: the route function has failed ${times(heldBack)}, at last: ${why}`);
  }

  private tellMirror(name: string, heldBack: number): void {
    const drops = this.mirrors.get(name);
    if (drops === undefined) return;
    const { relay, reason, detail } = drops.last;
    const last = `that of relay ${relay}: ${reason}${inBrackets(detail)}`;
    this.log.warn(`${name}: copies are given up, ${times(heldBack)}, at last ${last}`);
  }

  private tellUntold(heldBack: number): void {
    this.log.error(`something could not be told, ${times(heldBack)}`);
  }

  private tellPool(on: boolean, heldBack: number): void {
    const often = heldBack === 0 ? "" : ` (${times(heldBack)})`;
    if (on) {
      const why = "reading and accepting wait for slow ends; --segment-count allows more";
      this.log.warn(`the pool is empty: ${why}${often}`);
    } else {
      this.log.info(`the pool has segments again: reading goes on${often}`);
    }
  }

  private tellAccepting(on: boolean, heldBack: number): void {
    const often = heldBack === 0 ? "" : ` (${times(heldBack)})`;
    if (on) this.log.warn(`accepting is paused: ${this.acceptCause}${often}`);
    else this.log.info(`accepting goes on${often}`);
  }
}

function relayLine(relay: RelaySummary): string {
  const { id, client, upstream, reason, durationMs, up, down } = relay;
  const ends = upstream === null ? client : `${client} → ${upstream}`;
  const [bytesUp, bytesDown] = [up, down].map((flow) => formatCount(flow.receivedBytes));
  const lost = up.lostBytes + down.lostBytes;
  const loss = lost === 0 ? "" : `, ${formatCount(lost)} of them lost`;
  const life = `${reason} after ${formatDuration(durationMs)}`;
  return `relay ${id}: ${ends} ${life}, ${bytesUp} bytes up, ${bytesDown} down${loss}`;
}

/** `service NAME has changed: +10.0.0.7:6379 −10.0.0.5:6379 (3 members now)`. */
function serviceLine({ name, count, added, removed }: ServiceEvent): string {
  const parts = [
    ...(added.length === 0 ? [] : [`+${listed(added)}`]),
    ...(removed.length === 0 ? [] : [`−${listed(removed)}`]),
  ];
  const what = parts.length === 0 ? "other weights" : parts.join(" ");
  return `service ${name} has changed: ${what} (${formatCounted(count, "member")} now)`;
}

/** A large service has more addresses than a line should have. */
function listed(addresses: readonly string[]): string {
  const shown = addresses.slice(0, LISTED_MAX).join(", ");
  const more = addresses.length - LISTED_MAX;
  return more > 0 ? `${shown} and ${formatCount(more)} more` : shown;
}

function times(count: number): string {
  return count === 1 ? "once more" : `${formatCount(count)} times more`;
}

function inBrackets(detail: string): string {
  return detail === "" ? "" : ` (${detail})`;
}
