import type { Sources } from "../sourced.ts";
import type { Kind } from "./kind.ts";

/**
 * What a setting belongs to: each listener (at the top of a file: all of them), one upstream, the
 * whole proxy, or the group `uring`.
 */
export type Scope = "listener" | "upstream" | "proxy" | "uring";

/** What an entry of the table says about a setting. */
interface About<T> {
  readonly is: Kind<T>;
  /** What it does, in one sentence: for the help, `ringway init` and editors. */
  readonly about: string;
  /** More sentences, for the reference and editors. */
  readonly more?: string;
  /** Its one-letter flag. */
  readonly short?: string;
  /** What the help calls its value, if not what its kind says. */
  readonly hint?: string;
  /** Only a program can set it: it is no flag, and no text file has it. */
  readonly isCode?: true;
  /** Another setting without which it has no effect. */
  readonly needs?: string;
  /** A value for the example of `ringway init` where there is no default. */
  readonly example?: unknown;
  /** Values for that example, by the listener's name or the upstream's host. */
  readonly examples?: Readonly<Record<string, unknown>>;
  /** A running proxy keeps the value that it was started with. */
  readonly needsRestart?: true;
}

/** A setting with everything that is known about it. */
export interface Setting<S extends Scope = Scope, T = unknown, Default = unknown, At = string>
  extends About<T> {
  readonly scope: S;
  /** The default as a person would write it; missing if it cannot be written. */
  readonly initial?: string | number | boolean;
  /** The default in words, if it cannot be written, or is not the same everywhere. */
  readonly unless?: string;
  /** The default as the rule makes it. */
  readonly fallback: Default;
  /**
   * Where its value is among the finished options of its scope: `dial.queueMs`; empty if a function
   * turns it into something else.
   */
  readonly at: At;
}

type Entry<T, At> = About<T> & { readonly at?: At };
type WithInitial = { readonly initial: string | number | boolean };
type WithAbsent<A> = { readonly absent?: A; readonly unless?: string };

/** Makes entries of a scope. */
interface Maker<S extends Scope> {
  /** @param entry with `initial`, which the kind's own rule turns into the default */
  <T, const At extends string = "">(entry: Entry<T, At> & WithInitial): Setting<S, T, T, At>;
  /** @param entry with the finished default, `absent`; null if it says none */
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

/** An entry that each listener may have for itself. */
export const perListener = maker("listener");
/** An entry that one upstream may have. */
export const perUpstream = maker("upstream");
/** An entry of the whole proxy. */
export const perProxy = maker("proxy");
/** An entry of the uring engine. */
export const perRing = maker("uring");

/** Settings by their keys in a file. */
export type Table = Readonly<Record<string, Setting>>;

/** The values that the rules of a table return, by their keys. */
export type ValuesIn<Entries> = {
  readonly [K in keyof Entries]: Entries[K] extends Setting<Scope, infer T> ? T : never;
};

/** The name of an entry's option in a group; never if the option is not in it. */
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
 * The finished options of a group, such as `dial`; each is documented at its entry. The group with
 * the empty name has the options that are in no other group.
 */
export type OptionsIn<Entries, Group extends string> = {
  readonly [K in keyof Entries as NameIn<Entries[K], Group>]: Entries[K] extends {
    readonly fallback: infer Value;
  }
    ? Value
    : never;
};

/** Returns the options of a group: the given values, and the defaults for the rest. */
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

/** The value at a path such as `dial.queueMs`; undefined if there is none. */
export function valueAt(options: object, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], options);
}

/** The flag of a key, without dashes in front: `queue-timeout`. */
export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What it does, with its range, in one sentence. */
export function sentenceOf({ about, is }: Pick<Setting, "about" | "is">): string {
  return is.range === undefined ? about : `${about.slice(0, -1)} (${is.range}).`;
}

/** All of its sentences as one text. */
export function textOf({ about, more }: Pick<Setting, "about" | "more">): string {
  return more === undefined ? about : `${about} ${more}`;
}

/**
 * {@link sentenceOf} as an item of a list, such as the help: `end a relay at this age (1s…720h)`.
 */
export function fragmentOf(setting: Pick<Setting, "about" | "is">): string {
  return asFragment(sentenceOf(setting));
}

/** A sentence as an item of a list: no capital (except in words like DNS) and no full stop. */
export function asFragment(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()).replace(/\.$/, "");
}
