import type { ConsolaInstance } from "consola/core";
import { formatCount } from "../base/quantity.ts";
import { type Entry, endOf, entryOf, type ProxyEvent } from "../relay/events.ts";
import type { Observer } from "../relay/observer.ts";
import type { History } from "./history.ts";
import { Condition, Limit, WINDOW_MS } from "./limit.ts";
import { Refusals } from "./refusals.ts";

/** What this file needs of a logger; consola is one. `level` is consola's: 3 info, 4 debug. */
export type Logger = Pick<ConsolaInstance, "level" | "debug" | "info" | "warn" | "error">;

const DEBUG = 4;
/** Events that happen often are remembered to that number, of a kind, even when nothing is held back. */
const KEPT = 1_024;

/** Something that happens often, for the line that tells of the ones held back. */
interface Often {
  readonly limit: Limit;
  last: ProxyEvent;
}

/** A state that comes and goes: what began or ended it last is how it is told. */
interface State {
  readonly condition: Condition;
  last: ProxyEvent;
}

/**
 * Logs what is told, as the list of events says it, and keeps the relays that ended.
 *
 * Quiet and cheap under load: a relay is a debug line, whose text is built only if it is logged;
 * what may happen thousands of times a second is one line a second with a count.
 */
export class LogObserver implements Observer {
  readonly wantsStarts = false;
  /** By what is counted together; of many, those alone that happen now. */
  private readonly often = new Map<string, Often>();
  /** By what begins each. */
  private readonly states = new Map<string, State>();
  private readonly refusals: Refusals;

  /** @param windowMs milliseconds in which a rate-limited line is logged once */
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
      // Thousands a second may come to this.
      if (this.log.level < DEBUG) return;
    }
    const entry = entryOf(event);
    if (entry.often !== undefined) this.sayOften(event, entry.often);
    else if (entry.ends !== undefined) this.stateOf(entry.ends, event).set(false);
    else if (endOf(event.event) !== undefined) this.stateOf(event.event, event).set(true);
    else this.say(event);
  }

  /** Logs what was held back so far: before the last lines of a run. */
  flush(): void {
    for (const { limit } of this.often.values()) limit.flush();
    this.refusals.flush();
    for (const { condition } of this.states.values()) condition.flush();
  }

  /** @param name that its first line begins with @param more that it ends with */
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

  /** Members of services come and go without end. */
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
