import { formatCount, formatCounted, formatDuration, formatSize } from "../base/quantity.ts";
import type { Reason } from "../base/reason.ts";
import type { HealthStatus } from "../upstream/health/monitor.ts";
import type { RelaySummary } from "./ledger/stats.ts";
import type { MirrorDrop } from "./mirror/reason.ts";

/** How much a line matters, in the logger's words. */
type Level = "debug" | "info" | "warn" | "error";

/** An event's entry in the list: what the log says of it. Texts are made only when they are logged. */
export interface Entry<Fields> {
  /** What it has to say, for types alone: always missing. */
  readonly fields?: Fields;
  readonly level: Level | ((event: Fields) => Level);
  /**
   * Its line, or a few. There is no text of a client in any: addresses, reasons and the system's own words only.
   * Where it is told `often` it goes on behind what is counted together.
   */
  says(event: Fields): string | readonly string[];
  /** It may happen thousands of times a second: then it is one line a second with a count. */
  readonly often?: {
    /** What is counted together, by which its lines begin. */
    of(event: Fields): string;
    /** The line of those that were held back, the last of which is given. @param times such as `7 times more` */
    again(event: Fields, times: string): string;
  };
  /**
   * The event that began what this one ends, where both are told again and again: a state, of which the log
   * says once a second at most how it is. Of several workers it is begun by the first, and ended by the last.
   */
  readonly ends?: string;
}

/** An event of which the log says nothing. */
const unsaid = { level: "debug", says: () => [] } as const;

/** A dial that failed; its relay may go on with another upstream. */
export interface DialFailure {
  /** As it was configured. */
  readonly upstream: string;
  readonly reason: Reason;
  /** The system's own word, such as ECONNREFUSED; may be empty. */
  readonly detail: string;
}

/** A route function that has failed for a connection: it threw, was late or answered nonsense. */
export interface RouteFailure {
  /** Its listener's name, or else the address that it accepts on. */
  readonly listener: string;
  /** In a few words, with what it threw. */
  readonly why: string;
}

/** A worker that has met a defect. */
export interface WorkerFailure {
  /** 1, 2, 3… */
  readonly worker: number;
  /** With its stack. */
  readonly error: string;
  /** Relays of it that ended (`worker_failed`). */
  readonly relays: number;
  /** Milliseconds until another one takes its place. */
  readonly replacedAfterMs: number;
}

/** What became of an upstream. */
export interface UpstreamEvent {
  readonly listener: string;
  readonly upstream: string;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A clause for the log. */
  readonly why: string;
  /** Nothing has shown that it is up: it may be tried again, no more. */
  readonly isUntried?: true;
}

/**
 * Everything that is told: each event by its name, with what it has to say. Whoever meets one tells it as
 * `{ event: "poolGrew", bytes }`, and it is passed on whole, from thread to thread as well: so its fields are
 * what can be cloned. A new one is an entry here and the place where it happens.
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
      /** The upstream's row, by which alone engines know it. */
      readonly slot: number;
      /** Whose upstream it was; missing in an engine, and when the listener has this upstream no more. */
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
  /** A slab was added to the pool, which has `bytes` now. */
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
  /** Segments came back: reading goes on. */
  poolRefilled: entry({
    level: "info",
    says: () => "the pool has segments again: ringway reads and accepts again",
    ends: "poolEmpty",
  }),
  /** Accepting stopped, because of `cause`, with so many relays running. */
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
  /** The copy of a relay was given up; told at most once for a relay. */
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
  /**
   * Something that was to be told could not be, and who should have heard of it has not: no relay is
   * touched by that. The error has its stack.
   */
  untold: entry<{ readonly error: string }>({
    level: "error",
    says: ({ error }) => [": logs and metrics lack it, relays are not affected", error],
    often: {
      of: () => "an event could not be reported",
      again: (_, times) => `, ${times}`,
    },
  }),
  /** A worker has met a defect: its relays have ended, and another one takes its place. */
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
   * A worker does not answer what it is asked (true): until it does its relays are missing in lists, and
   * when it takes too long it is ended and replaced; or it answers again.
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
  /** One of several addresses of an upstream's name is well now, or is not any more. */
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
  /** Several servers of a listener say that they are the primary; or that is over, with one or none. */
  primariesChanged: entry<{
    readonly listener: string;
    /** Their names. */
    readonly upstreams: readonly string[];
  }>({
    level: ({ upstreams }) => (upstreams.length < 2 ? "info" : "warn"),
    says({ listener, upstreams }) {
      if (upstreams.length < 2) {
        return `${listener}: no more than one upstream says that it is the primary now`;
      }
      const isTwo = upstreams.length === 2;
      const names = isTwo ? `${upstreams.join(" and ")} both` : `${listed(upstreams)} all`;
      return `${listener}: ${names} say that they are the primary: writes may go to ${isTwo ? "either" : "any of them"}`;
    },
  }),
  /** So few are open that all are treated as open; or that is over. */
  panicChanged: entry<{ readonly listener: string; readonly isOn: boolean }>({
    level: ({ isOn }) => (isOn ? "warn" : "info"),
    says: ({ listener, isOn }) =>
      isOn
        ? `${listener}: too few upstreams are up (panicThreshold): all get relays, up or not`
        : `${listener}: enough upstreams are up again: only those get relays`,
  }),
  /** No upstream of a listener may get relays, whatever the cause; or some may again. */
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
    /** All that it has now, at least one. */
    readonly addresses: readonly string[];
    /** False when it is the first answer, to the first question. */
    readonly isNews: boolean;
  }>({
    level: ({ isNews }) => (isNews ? "info" : "debug"),
    says: ({ name, addresses }) => `host ${name} resolves to ${listed(addresses)} now`,
  }),
  /** A name cannot be resolved any more; it keeps its addresses. `why` is a clause. */
  nameFailing: entry<{ readonly name: string; readonly why: string }>({
    level: "warn",
    says: ({ name, why }) => `host ${name}: ${why}; ringway keeps its last addresses`,
  }),
  /** Of a name's addresses some may not be dialled; told once as long as it has them. */
  nameTrouble: entry<{ readonly name: string; readonly what: string }>({
    level: "warn",
    says: ({ name, what }) => `host ${name}: ${what}`,
  }),
  /** A service of upstreams has other members, or its members other weights. */
  serviceChanged: entry<{
    readonly name: string;
    /** So many places it has now, at least one. */
    readonly count: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
    /** False when it is the first answer, to the first question. */
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
  /** A service cannot be resolved any more; it keeps its members. `why` is a clause. */
  serviceFailing: entry<{ readonly name: string; readonly why: string }>({
    level: "warn",
    says: ({ name, why }) => `service ${name}: ${why}; ringway keeps its last members`,
  }),
  /** Something that DNS says of a service cannot be followed; told once as long as it says so. */
  serviceTrouble: entry<{ readonly name: string; readonly what: string }>({
    level: "warn",
    says: ({ name, what }) => `service ${name}: ${what}`,
  }),
};

/** What an event is called. */
export type EventName = keyof typeof events;

/** What an event has to say. */
export type Fields<Name extends EventName> =
  (typeof events)[Name] extends Entry<infer Said> ? Said : never;

/** An event as it is told. */
export type EventOf<Name extends EventName> = { readonly event: Name } & Fields<Name>;

/** Anything that is told. */
export type ProxyEvent = { [Name in EventName]: EventOf<Name> }[EventName];

/** The entry of an event, which takes that very event. */
export function entryOf({ event }: Pick<ProxyEvent, "event">): Entry<ProxyEvent> {
  return entries[event];
}

/** The event that ends what this one begins, if it is a state. */
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

/** Addresses that a line has: a large service, or a name, may have more. */
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
