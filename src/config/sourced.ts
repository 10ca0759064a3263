import { andMore, ConfigError, PROBLEMS_MAX } from "../base/error.ts";
import type { Rule } from "./rule.ts";

/** One value as given, not read yet. */
export interface GivenValue {
  readonly value: unknown;
  /** Where it was given, for messages: `--listen` or `ringway.toml: listen`. */
  readonly label: string;
}

/** One value with where it was given. */
export interface Sourced<T> {
  /** The value that its rule returned; null if that refused it, which has been reported. */
  readonly value: T | null;
  /** The value as written. */
  readonly given: unknown;
  /** As {@link GivenValue.label}. */
  readonly label: string;
  /** The range of ports that it is a part of: a mistake in one is reported once. */
  readonly whole?: object;
}

/** Values by their names; one that was not given is missing. */
export type Sources<Values> = { readonly [K in keyof Values]?: Sourced<Values[K]> };

/**
 * Everything that is wrong with the given settings, in sentences, so that a person can fix all of
 * it at once. Beyond a hundred mistakes it only counts.
 */
export class Problems {
  private readonly kept: Set<string>;
  private dropped = 0;

  /** @param earlier problems that were found before */
  constructor(earlier: readonly string[] | Problems = []) {
    this.kept = new Set(earlier instanceof Problems ? earlier.kept : earlier);
    if (earlier instanceof Problems) this.dropped = earlier.dropped;
  }

  /** The problems, and how many more there are. */
  get sentences(): readonly string[] {
    const kept = [...this.kept];
    return this.dropped === 0 ? kept : [...kept, andMore(this.dropped)];
  }

  get isEmpty(): boolean {
    return this.kept.size === 0;
  }

  /**
   * Reports what is wrong with a value.
   *
   * @param why goes after the value's label; a function is called only if the sentence is kept
   */
  add(source: { readonly label: string } | undefined, why: string | (() => string)): void {
    this.say(() => `${source?.label ?? "defaults"} ${typeof why === "string" ? why : why()}`);
  }

  /** Counts further mistakes, after more than a hundred. */
  more(count: number): void {
    this.dropped += count;
  }

  /**
   * Reports a mistake. Repeats are dropped: settings at the top of a file are read for each
   * listener.
   *
   * @param sentence makes the whole sentence; called only if it is kept, as it may take a while
   */
  say(sentence: () => string): void {
    if (this.kept.size < PROBLEMS_MAX) this.kept.add(sentence());
    else this.dropped++;
  }

  /** Reads a value by its rule. If the rule refuses it, reports that and returns null as value. */
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

/** Whether a value was given and its rule refused it. */
export function isBroken(source: Sourced<unknown> | undefined): boolean {
  return source?.value === null;
}
