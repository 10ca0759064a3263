import type { ConsolaInstance } from "consola/core";
import { formatCount } from "../base/quantity.ts";
import { type Entry, endOf, entryOf, type ProxyEvent } from "../relay/events.ts";
import type { Observer } from "../relay/observer.ts";
import type { History } from "./history.ts";
import { Condition, Limit, WINDOW_MS } from "./limit.ts";
import { Refusals } from "./refusals.ts";

/** The part of consola that ringway's log uses. `level` is consola's: 3 info, 4 debug. */
export type Logger = Pick<ConsolaInstance, "level" | "debug" | "info" | "warn" | "error">;

const DEBUG = 4;
/** Most limits that are kept although they suppress nothing. */
const KEPT = 1_024;

/** A frequent event: its limit, and the last one, for the line about the suppressed ones. */
interface Often {
  readonly limit: Limit;
  last: ProxyEvent;
}

/** A state that comes and goes, and the event that changed it last, which is the one to log. */
interface State {
  readonly condition: Condition;
  last: ProxyEvent;
}

/**
 * Logs events in the words of the list of events, and keeps the relays that ended.
 *
 * It is quiet and cheap under load: a relay is a debug line, whose text is built only if it is
 * logged; what may happen thousands of times a second becomes one line a second with a count.
 */
export class LogObserver implements Observer {
  readonly wantsStarts = false;
  /** By event and what it is counted by; idle ones are dropped if there are many. */
  private readonly often = new Map<string, Often>();
  /** By the event that begins each. */
  private readonly states = new Map<string, State>();
  private readonly refusals: Refusals;

  /** @param windowMs a rate-limited line is logged once in this many milliseconds */
  constructor(
    private readonly log: Logger,
    private readonly history: History,
    private readonly windowMs = WINDOW_MS,
  ) {
    this.refusals = new Refusals((line) => this.log.warn(line));
  }

  on(event: ProxyEvent): void {
    if (event.event === "relayEnded") {
      this.history.add(event.relay);
      this.refusals.ended(event.relay);
      // There may be thousands a second, so stop early.
      if (this.log.level < DEBUG) return;
    }
    const entry = entryOf(event);
    if (entry.often !== undefined) this.sayOften(event, entry.often);
    else if (entry.ends !== undefined) this.stateOf(entry.ends, event).set(false);
    else if (endOf(event.event) !== undefined) this.stateOf(event.event, event).set(true);
    else this.say(event);
  }

  /** Logs what is suppressed so far; called before the last lines of a run. */
  flush(): void {
    for (const { limit } of this.often.values()) limit.flush();
    this.refusals.flush();
    for (const { condition } of this.states.values()) condition.flush();
  }

  /** @param name what to begin the first line with @param more what to end it with */
  private say(event: ProxyEvent, name = "", more = ""): void {
    const entry = entryOf(event);
    const level = levelOf(entry, event);
    if (level === "debug" && this.log.level < DEBUG) return;
    const [line, ...others] = [entry.says(event)].flat();
    if (line === undefined) return;
    this.log[level](`${name}${line}${more}`);
    for (const other of others) this.log[level](other);
  }

  private sayOften(event: ProxyEvent, { of, again }: Required<Entry<ProxyEvent>>["often"]): void {
    const name = of(event);
    const key = `${event.event} ${name}`;
    let often = this.often.get(key);
    if (often === undefined) {
      const held: Often = {
        limit: new Limit((heldBack) => tell(heldBack), this.windowMs),
        last: event,
      };
      const tell = (heldBack: number) => {
        const { last } = held;
        this.log[levelOf(entryOf(last), last)](`${name}${again(last, times(heldBack))}`);
      };
      if (this.often.size >= KEPT) this.forgetIdle();
      this.often.set(key, held);
      often = held;
    }
    often.last = event;
    if (often.limit.take()) this.say(event, name);
  }

  private stateOf(begun: string, event: ProxyEvent): Condition {
    let state = this.states.get(begun);
    if (state === undefined) {
      const tell = (_: boolean, heldBack: number) =>
        this.say(made.last, "", heldBack === 0 ? "" : ` (${times(heldBack)})`);
      const made: State = { condition: new Condition(tell, this.windowMs), last: event };
      this.states.set(begun, made);
      state = made;
    }
    state.last = event;
    return state.condition;
  }

  /** Without this, members of services that come and go would pile up. */
  private forgetIdle(): void {
    for (const [key, { limit }] of this.often) if (limit.isIdle) this.often.delete(key);
  }
}

function levelOf({ level }: Entry<ProxyEvent>, event: ProxyEvent) {
  return typeof level === "function" ? level(event) : level;
}

function times(count: number): string {
  return count === 1 ? "once more" : `${formatCount(count)} more times`;
}
