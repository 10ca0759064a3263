import { printable } from "../base/error.ts";
import {
  formatCount,
  formatCounted,
  formatDay,
  formatDuration,
  formatSize,
} from "../base/quantity.ts";
import type { Reason } from "../base/reason.ts";
import type { HealthStatus } from "../upstream/health/monitor.ts";
import type { RelaySummary } from "./ledger/stats.ts";
import type { MirrorDrop } from "./mirror/reason.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

type Level = "debug" | "info" | "warn" | "error";

/** An event's entry in the list: how it is logged. Texts are made only if they are logged. */
export interface Entry<Fields> {
  /** Carries the type of the event's fields; never set. */
  readonly fields?: Fields;
  readonly level: Level | ((event: Fields) => Level);
  /**
   * Its log line, or several. They contain no text of a client, only addresses, reasons and the
   * system's own words. An `often` event's line begins with the result of `of`.
   */
  says(event: Fields): string | readonly string[];
  /** It may happen thousands of times a second, and is logged once a second with a count. */
  readonly often?: {
    /** Events with the same result are counted together. Their lines begin with it. */
    of(event: Fields): string;
    /** The line for suppressed events, given the last one. @param times such as `7 times more` */
    again(event: Fields, times: string): string;
  };
  /**
   * The event that began the state which this one ends. The log reports the state at most once a
   * second. With several workers the first one begins it and the last one ends it.
   */
  readonly ends?: string;
}

/** The entry of an event that is not logged. */
const unsaid = { level: "debug", says: () => [] } as const;

/** A dial that failed; its relay may go on with another upstream. */
export interface DialFailure {
  /** As it was configured. */
  readonly upstream: string;
  readonly reason: Reason;
  /** The system's error code, such as ECONNREFUSED; may be empty. */
  readonly detail: string;
}

/** A route function that has failed for a connection: it threw, was late or returned nonsense. */
export interface RouteFailure {
  /** The listener's name, or its address if it has none. */
  readonly listener: string;
  /** A short text, with the error that it threw. */
  readonly why: string;
}

/** A worker that has met a defect. */
export interface WorkerFailure {
  /** 1, 2, 3… */
  readonly worker: number;
  /** With its stack. */
  readonly error: string;
  /** Number of its relays, which have ended (`worker_failed`). */
  readonly relays: number;
  /** Milliseconds until another worker takes its place. */
  readonly replacedAfterMs: number;
}

/** A change of an upstream's status. */
export interface UpstreamEvent {
  readonly listener: string;
  readonly upstream: string;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A clause for the log. */
  readonly why: string;
  /** It may be tried again, but nothing has shown that it is up. */
  readonly isUntried?: true;
}

/**
 * All events by name, with their fields and log lines. An event is reported as `{ event:
 * "poolGrew", bytes }` and passed on as it is, also from thread to thread, so its fields must be
 * cloneable. A new event needs an entry here and the code that reports it.
 */
export const events = {
  /** A client was accepted; its upstream is not chosen yet. See {@link Observer.wantsStarts}. */
  relayStarted: entry<{ readonly relay: RelaySummary }>(unsaid),
  relayEnded: entry<{ readonly relay: RelaySummary }>({
    level: "debug",
    says: ({ relay }) => relayLine(relay),
  }),
  /** A dial failed; the relay may go on with another upstream. */
  dialFailed: entry<
    DialFailure & {
      /** The upstream's slot, by which engines know it. */
      readonly slot: number;
      /** Its listener; missing within engines, and if the listener no longer has this upstream. */
      readonly listener?: string;
    }
  >({
    level: "warn",
    says: ({ reason, detail }) => `: a dial failed: ${reason}${inBrackets(detail)}`,
    often: {
      of: ({ upstream, listener }) =>
        `${listener === undefined ? "" : `${listener}: `}upstream ${upstream}`,
      again: ({ reason, detail }, times) =>
        `: a dial failed ${times}, last: ${reason}${inBrackets(detail)}`,
    },
  }),
  /** A slab was added to the pool, which now has `bytes`. */
  poolGrew: entry<{ readonly bytes: number }>({
    level: "debug",
    says: ({ bytes }) => `the pool grew to ${formatSize(bytes)}`,
  }),
  /** The pool is empty: reading and accepting wait. */
  poolEmpty: entry({
    level: "warn",
    says: () =>
      "the pool is empty: ringway reads and accepts nothing until slow ends take their bytes; --segment-count allows more",
  }),
  /** Segments are free again: reading and accepting go on. */
  poolRefilled: entry({
    level: "info",
    says: () => "the pool has segments again: ringway reads and accepts again",
    ends: "poolEmpty",
  }),
  /** Accepting was paused because of `cause`, while `relays` were running. */
  acceptPaused: entry<{
    readonly cause: "descriptors" | "memory";
    readonly relays: number;
  }>({
    level: "warn",
    says({ cause, relays }) {
      const limit =
        cause === "descriptors" ? "out of file descriptors (ulimit -n)" : "out of memory";
      return `accepting is paused: ${limit}, ${formatCounted(relays, "relay")} running`;
    },
  }),
  acceptResumed: entry({
    level: "info",
    says: () => "accepting clients again",
    ends: "acceptPaused",
  }),
  /** A listener's route function has failed for a relay. */
  routeFailed: entry<RouteFailure>({
    level: "warn",
    says: ({ why }) => `: the route function failed: ${why}`,
    often: {
      of: ({ listener }) => listener,
      again: ({ why }, times) => `: the route function failed ${times}, last: ${why}`,
    },
  }),
  /** The copy of a relay was given up; reported at most once per relay. */
  mirrorDropped: entry<MirrorDrop>({
    level: "warn",
    says: ({ relay, reason, detail }) =>
      `: gave up the copy of relay ${relay}: ${reason}${inBrackets(detail)}`,
    often: {
      of: ({ listener, mirror }) => `${listener}: mirror ${mirror}`,
      again: ({ relay, reason, detail }, times) =>
        `: gave up a copy ${times}, last that of relay ${relay}: ${reason}${inBrackets(detail)}`,
    },
  }),
  /** An event could not be reported to an observer. The error has its stack. */
  untold: entry<{ readonly error: string }>({
    level: "error",
    says: ({ error }) => [": logs and metrics lack it, relays are not affected", error],
    often: {
      of: () => "an event could not be reported",
      again: (_, times) => `, ${times}`,
    },
  }),
  /** A worker has met a defect: its relays have ended, and another worker takes its place. */
  workerFailed: entry<WorkerFailure>({
    level: "error",
    says({ worker, error, relays, replacedAfterMs }) {
      const after = replacedAfterMs === 0 ? "at once" : `in ${formatDuration(replacedAfterMs)}`;
      const ended = formatCounted(relays, "relay");
      return [
        `worker ${worker} met a defect and ended ${ended}; a new worker starts ${after}`,
        error,
      ];
    },
  }),
  /**
   * A worker does not answer, or answers again. While it does not, its relays are missing in lists.
   * If it takes too long it is ended and replaced.
   */
  workerSilent: entry<{
    /** 1, 2, 3… */
    readonly worker: number;
    readonly isSilent: boolean;
  }>({
    level: ({ isSilent }) => (isSilent ? "error" : "info"),
    says: ({ worker, isSilent }) =>
      isSilent
        ? `worker ${worker} does not answer; unless it does soon, ringway replaces it`
        : `worker ${worker} answers again`,
  }),
  /** An upstream is down, ejected after failed dials, or up again. */
  upstreamChanged: entry<UpstreamEvent>({
    level: ({ to }) => (to === "up" ? "info" : "warn"),
    says: ({ listener, upstream, to, why, isUntried }) =>
      `${listener}: upstream ${upstream} ${isUntried ? "may be tried again" : `is ${to}`}: ${why}`,
  }),
  /** One of several addresses of an upstream's name is up or down. */
  addressChanged: entry<{
    readonly listener: string;
    readonly upstream: string;
    readonly address: string;
    readonly isWell: boolean;
    /** A clause for the log. */
    readonly why: string;
  }>({
    level: ({ isWell }) => (isWell ? "info" : "warn"),
    says: ({ listener, upstream, address, isWell, why }) =>
      `${listener}: upstream ${upstream}: its address ${address} is ${isWell ? "up" : "down"}: ${why}`,
  }),
  /** Several servers of a listener claim to be the primary, or no longer more than one does. */
  primariesChanged: entry<{
    readonly listener: string;
    /** Their names. */
    readonly upstreams: readonly string[];
  }>({
    level: ({ upstreams }) => (upstreams.length < 2 ? "info" : "warn"),
    says({ listener, upstreams }) {
      if (upstreams.length < 2) {
        return `${listener}: at most one upstream claims to be the primary again`;
      }
      const isTwo = upstreams.length === 2;
      const names = isTwo ? `${upstreams.join(" and ")} both` : `${listed(upstreams)} all`;
      const which = isTwo ? "either" : "any of them";
      return `${listener}: ${names} claim to be the primary: writes may go to ${which}`;
    },
  }),
  /** Too few upstreams are up, so all get relays; or that is over. */
  panicChanged: entry<{ readonly listener: string; readonly isOn: boolean }>({
    level: ({ isOn }) => (isOn ? "warn" : "info"),
    says: ({ listener, isOn }) =>
      isOn
        ? `${listener}: too few upstreams are up (panicThreshold): all get relays, up or not`
        : `${listener}: enough upstreams are up again: only those get relays`,
  }),
  /** No upstream of a listener may get relays, or one may again. */
  upstreamsLacking: entry<{ readonly listener: string; readonly isLacking: boolean }>({
    level: ({ isLacking }) => (isLacking ? "error" : "info"),
    says: ({ listener, isLacking }) =>
      isLacking
        ? `${listener}: no upstream takes new relays`
        : `${listener}: an upstream takes new relays again`,
  }),
  /** A host name of upstreams has other addresses. */
  nameChanged: entry<{
    readonly name: string;
    /** All its present addresses, at least one. */
    readonly addresses: readonly string[];
    /** False for the first answer to the first question. */
    readonly isNews: boolean;
  }>({
    level: ({ isNews }) => (isNews ? "info" : "debug"),
    says: ({ name, addresses }) => `host ${name} resolves to ${listed(addresses)} now`,
  }),
  /** A name can no longer be resolved. It keeps its addresses. `why` is a clause. */
  nameFailing: entry<{ readonly name: string; readonly why: string }>({
    level: "warn",
    says: ({ name, why }) => `host ${name}: ${why}; ringway keeps its last addresses`,
  }),
  /** Some of a name's addresses may not be dialled; reported once while it has them. */
  nameTrouble: entry<{ readonly name: string; readonly what: string }>({
    level: "warn",
    says: ({ name, what }) => `host ${name}: ${what}`,
  }),
  /** A service of upstreams has other members, or its members other weights. */
  serviceChanged: entry<{
    readonly name: string;
    /** Number of its present members, at least one. */
    readonly count: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
    /** False for the first answer to the first question. */
    readonly isNews: boolean;
  }>({
    level: ({ isNews }) => (isNews ? "info" : "debug"),
    says({ name, count, added, removed }) {
      const parts = [
        ...(added.length === 0 ? [] : [`+${listed(added)}`]),
        ...(removed.length === 0 ? [] : [`−${listed(removed)}`]),
      ];
      const what = parts.length === 0 ? "other weights" : parts.join(" ");
      return `service ${name} changed: ${what} (${formatCounted(count, "member")} now)`;
    },
  }),
  /** A service can no longer be resolved. It keeps its members. `why` is a clause. */
  serviceFailing: entry<{ readonly name: string; readonly why: string }>({
    level: "warn",
    says: ({ name, why }) => `service ${name}: ${why}; ringway keeps its last members`,
  }),
  /** A part of DNS's answer for a service is unusable; reported once while it stays so. */
  serviceTrouble: entry<{ readonly name: string; readonly what: string }>({
    level: "warn",
    says: ({ name, what }) => `service ${name}: ${what}`,
  }),
  /** New clients are shown another certificate, or proved by other authorities. */
  certificateRenewed: entry<{
    /** Such as `the certificate of a.example.org`. */
    readonly what: string;
  }>({
    level: "info",
    says: ({ what }) => `${what} is renewed: new clients get the new one`,
  }),
  /** What was found in the files of a certificate cannot be used. `why` is a clause. */
  certificateRefused: entry<{ readonly what: string; readonly why: string }>({
    level: "error",
    says: ({ what, why }) => `${what} is not renewed, the old one stays: ${why}`,
  }),
  /** A certificate expires soon, or has expired. Times in milliseconds since 1970. */
  certificateExpiring: entry<{
    readonly listener: string;
    /** The first host name that it is shown for, or its file. */
    readonly name: string;
    readonly until: number;
    readonly now: number;
  }>({
    level: ({ until, now }) => (until <= now ? "error" : "warn"),
    says({ listener, name, until, now }) {
      const which = `${listener}: the certificate of ${printable(name)}`;
      const date = formatDay(until);
      if (until <= now) return `${which} has expired on ${date}`;
      const days = Math.floor((until - now) / DAY_MS);
      return `${which} expires ${days < 1 ? "within a day" : `in ${formatCounted(days, "day")}`}, on ${date}`;
    },
  }),
};

/** The name of an event. */
export type EventName = keyof typeof events;

/** The fields of an event. */
export type Fields<Name extends EventName> =
  (typeof events)[Name] extends Entry<infer Said> ? Said : never;

/** An event as it is reported. */
export type EventOf<Name extends EventName> = { readonly event: Name } & Fields<Name>;

/** Any event. */
export type ProxyEvent = { [Name in EventName]: EventOf<Name> }[EventName];

/** The entry of an event. */
export function entryOf({ event }: Pick<ProxyEvent, "event">): Entry<ProxyEvent> {
  return entries[event];
}

/** The event that ends the state which `begun` begins, if it begins one. */
export function endOf(begun: string): EventName | undefined {
  return endings.get(begun);
}

const entries = events as unknown as Readonly<Record<EventName, Entry<ProxyEvent>>>;
const endings = new Map<string, EventName>();
for (const event of Object.keys(events) as EventName[]) {
  const { ends } = entries[event];
  if (ends !== undefined) endings.set(ends, event);
}

function entry<Fields = object>(one: Entry<Fields>): Entry<Fields> {
  return one;
}

/** The most addresses in one line; a service or a name may have more. */
const LISTED_MAX = 8;

function listed(addresses: readonly string[]): string {
  const shown = addresses.slice(0, LISTED_MAX).join(", ");
  const more = addresses.length - LISTED_MAX;
  return more > 0 ? `${shown} and ${formatCount(more)} more` : shown;
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

function inBrackets(detail: string): string {
  return detail === "" ? "" : ` (${detail})`;
}
