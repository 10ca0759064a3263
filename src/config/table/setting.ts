import type { Sources } from "../sourced.ts";
import type { Kind } from "./kind.ts";

/**
 * Whose a setting is: of each listener (at the top of a file for all of them), of one upstream, of the
 * whole proxy, or of the group `uring`.
 */
export type Scope = "listener" | "upstream" | "proxy" | "uring";

/** What is said of a setting. */
interface About<T> {
  readonly is: Kind<T>;
  /** What it does, in one sentence: the help, the example of a file and an editor show it. */
  readonly about: string;
  /** What else there is to know, in sentences: the reference and an editor show it, too. */
  readonly more?: string;
  /** Its flag with one letter. */
  readonly short?: string;
  /** What the help calls its value, instead of what the kind calls it. */
  readonly hint?: string;
  /** Only a program can give it: it is no flag, and no text has it. */
  readonly isCode?: true;
  /** The setting without which it is nothing. */
  readonly needs?: string;
  /** A value for the example of `ringway init` where there is no default. */
  readonly example?: unknown;
  /** Values in the listeners of that example, by their names; of an upstream, by its host. */
  readonly examples?: Readonly<Record<string, unknown>>;
  /** A running proxy keeps what it was started with. */
  readonly needsRestart?: true;
}

/** A setting: all that is known of it. */
export interface Setting<S extends Scope = Scope, T = unknown, Default = unknown, At = string>
  extends About<T> {
  readonly scope: S;
  /** What it has unless given, as a person would write it; missing where that cannot be written. */
  readonly initial?: string | number | boolean;
  /** The same in words, for people alone, where it cannot be written so, or not everywhere. */
  readonly unless?: string;
  /** What it has unless given, finished. */
  readonly fallback: Default;
  /**
   * Where its value is among the finished options of its scope: `dial.queueMs`; empty where a function
   * makes something else of it.
   */
  readonly at: At;
}

type Entry<T, At> = About<T> & {
  readonly at?: At;
};
type WithInitial = { readonly initial: string | number | boolean };
type WithAbsent<A> = { readonly absent?: A; readonly unless?: string };

/** Makes entries of a scope. */
interface Maker<S extends Scope> {
  /** @param entry with `initial`, of which the kind's own rule makes what it has unless given */
  <T, const At extends string = "">(entry: Entry<T, At> & WithInitial): Setting<S, T, T, At>;
  /** @param entry with what it has unless given, finished; null unless that is said */
  <T, A = null, const At extends string = "">(
    entry: Entry<T, At> & WithAbsent<A>,
  ): Setting<S, T, T | A, At>;
}

function maker<S extends Scope>(scope: S): Maker<S> {
  return <T>(entry: Entry<T, string> & Partial<WithInitial> & WithAbsent<unknown>) => {
    const { absent = null, at = "", ...rest } = entry;
    const { initial, is } = entry;
    const fallback = initial === undefined ? absent : is.rule(initial);
    return { ...rest, scope, at, fallback } as never;
  };
}

/** An entry of what each listener may have for itself. */
export const perListener = maker("listener");
/** An entry of what is said of one upstream. */
export const perUpstream = maker("upstream");
/** An entry of what there is once for the whole proxy. */
export const perProxy = maker("proxy");
/** An entry of what only the uring engine knows. */
export const perRing = maker("uring");

/** Settings by their keys in a file. */
export type Table = Readonly<Record<string, Setting>>;

/** What the rules of a table make of values, by their keys. */
export type ValuesIn<Entries> = {
  readonly [K in keyof Entries]: Entries[K] extends Setting<Scope, infer T> ? T : never;
};

/** The name of an option in a group; never for what is not there. */
type NameIn<Entry, Group extends string> = Entry extends { readonly at: infer At extends string }
  ? Group extends ""
    ? At extends "" | `${string}.${string}`
      ? never
      : At
    : At extends `${Group}.${infer Name}`
      ? Name extends `${string}.${string}`
        ? never
        : Name
      : never
  : never;

/**
 * The finished options of a group, `dial` say, by their names: each is documented at its entry. The
 * group without a name has those that are in none.
 */
export type OptionsIn<Entries, Group extends string> = {
  readonly [K in keyof Entries as NameIn<Entries[K], Group>]: Entries[K] extends {
    readonly fallback: infer Value;
  }
    ? Value
    : never;
};

/** Puts together what was given of a group, and what its options have unless given. */
export function optionsIn<Entries extends Table, Group extends string>(
  entries: Entries,
  group: Group,
  given: Sources<ValuesIn<Entries>>,
): OptionsIn<Entries, Group> {
  const options: Record<string, unknown> = {};
  const prefix = group === "" ? "" : `${group}.`;
  for (const [key, { at, fallback }] of Object.entries(entries)) {
    const name = at.startsWith(prefix) ? at.slice(prefix.length) : "";
    if (name === "" || name.includes(".")) continue;
    options[name] = given[key as keyof Entries]?.value ?? fallback;
  }
  return options as OptionsIn<Entries, Group>;
}

/** A value of an example that is code. */
export class Code {
  constructor(readonly text: string) {}
}

/** The value at a path such as `dial.queueMs`; undefined where there is none. */
export function valueAt(options: object, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], options);
}

/** The name of its flag: `queue-timeout`. */
export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What it does, with the values that there are, in one sentence. */
export function sentenceOf({ about, is }: Pick<Setting, "about" | "is">): string {
  return is.range === undefined ? about : `${about.slice(0, -1)} (${is.range}).`;
}

/** All that there is to say, in one text. */
export function textOf({
  about,
  more,
}: {
  readonly about: string;
  readonly more?: string;
}): string {
  return more === undefined ? about : `${about} ${more}`;
}

/** The same as a part of a list, such as the help: `end a relay at this age (1s…720h)`. */
export function fragmentOf(setting: Pick<Setting, "about" | "is">): string {
  return asFragment(sentenceOf(setting));
}

/** A sentence as a part of a list: words in capitals stay as they are. */
export function asFragment(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()).replace(/\.$/, "");
}
