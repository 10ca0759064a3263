import { andMore, ConfigError, PROBLEMS_MAX } from "../base/error.ts";
import type { Rule } from "./rule.ts";

/** One value as it was given, not looked at yet. */
export interface GivenValue {
  readonly value: unknown;
  /** Where it was given, as a message names it: `--listen` or `ringway.toml: listen`. */
  readonly label: string;
}

/** One value with where it was given. */
export interface Sourced<T> {
  /** What it was understood as; null when it breaks its own rule, which has been told. */
  readonly value: T | null;
  /** As it was given. */
  readonly given: unknown;
  /** As {@link GivenValue.label}. */
  readonly label: string;
  /** What it is one of, where several were written as one: they are told of together. */
  readonly whole?: object;
}

/** Values by their names; one that was not given is missing. */
export type Sources<Values> = { readonly [K in keyof Values]?: Sourced<Values[K]> };

/**
 * All that is wrong with what was given, in sentences. Looking goes on after the first, so that a
 * person can mend all of it at once. Beyond a hundred mistakes the rest is only counted.
 */
export class Problems {
  private readonly told: Set<string>;
  private untold = 0;

  /** @param earlier what was found to be wrong before */
  constructor(earlier: readonly string[] | Problems = []) {
    this.told = new Set(earlier instanceof Problems ? earlier.told : earlier);
    if (earlier instanceof Problems) this.untold = earlier.untold;
  }

  /** All of them, and how many more there are. */
  get sentences(): readonly string[] {
    const told = [...this.told];
    return this.untold === 0 ? told : [...told, andMore(this.untold)];
  }

  get isEmpty(): boolean {
    return this.told.size === 0;
  }

  /**
   * @param why what is wrong with a value, to be put after where it was given; a function is called
   *   only when it is told
   */
  add(source: { readonly label: string } | undefined, why: string | (() => string)): void {
    this.say(() => `${source?.label ?? "defaults"} ${typeof why === "string" ? why : why()}`);
  }

  /** So many more, after more than a hundred that were told. */
  more(count: number): void {
    this.untold += count;
  }

  /**
   * Tells a mistake, once: what stands at the top of a file is looked at for each of its listeners.
   *
   * @param sentence the whole of it; made only when it is told, as that may take a while
   */
  say(sentence: () => string): void {
    if (this.told.size < PROBLEMS_MAX) this.told.add(sentence());
    else this.untold++;
  }

  /** Takes a value by its rule; what the rule refuses is told and null. */
  take<T>({ value: given, label }: GivenValue, rule: Rule<T>): Sourced<T> {
    try {
      return { value: rule(given), given, label };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.add({ label }, error.message);
      return { value: null, given, label };
    }
  }
}

/** Whether a value was given that breaks its own rule, so that nothing can be said of it. */
export function isBroken(source: Sourced<unknown> | undefined): boolean {
  return source?.value === null;
}
