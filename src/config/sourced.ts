import { ConfigError } from "./error.ts";
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
}

/** Values by their names; one that was not given is missing. */
export type Sources<Values> = { readonly [K in keyof Values]?: Sourced<Values[K]> };

/**
 * All that is wrong with what was given, in sentences. Looking goes on after the first, so that a
 * person can mend all of it at once.
 */
export class Problems {
  readonly sentences: string[];
  /** The same, to be found. */
  private readonly told: Set<string>;

  /** @param earlier what was found to be wrong before */
  constructor(earlier: readonly string[] = []) {
    this.sentences = [...earlier];
    this.told = new Set(earlier);
  }

  /** @param why what is wrong with a value, to be put after where it was given */
  add(source: { readonly label: string } | undefined, why: string): void {
    const sentence = `${source?.label ?? "defaults"} ${why}`;
    // What stands at the top of a file is looked at for each of its listeners.
    if (this.told.has(sentence)) return;
    this.told.add(sentence);
    this.sentences.push(sentence);
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
