import * as v from "valibot";
import { ConfigError } from "../base/error.ts";
import type { KnownKeys } from "./keys.ts";
import { isTable } from "./plain.ts";
import type { Rule } from "./rule.ts";
import { listenerName, listenRule, upstreamRule } from "./settings.ts";
import { listenerPlaces, type Place, topPlaces, upstreamPlaces } from "./table/places.ts";
import { sentenceOf, type Table, textOf } from "./table/setting.ts";
import { listenerTable, proxyTable, upstreamTable, uringTable } from "./table/table.ts";

/*
 * What a configuration file looks like, in valibot: tables, lists, which keys there are. What a
 * single value has to be is a rule that flags have too, so that a start by flags needs none of
 * this: loading valibot takes 10 ms from its source.
 */

/** Judges a value by a rule. */
function judged<Input, T>(rule: Rule<T>) {
  return v.rawTransform<Input, T>(({ dataset, addIssue, NEVER }) => {
    try {
      return rule(dataset.value);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      addIssue({ message: error.message });
      return NEVER;
    }
  });
}

/** A value of any kind, judged by its rule alone. */
function value(rule: Rule<unknown>, known: Readonly<Record<string, unknown>>) {
  return v.pipe(v.unknown(), judged<unknown, unknown>(rule), v.metadata(known));
}

/** The settings of a table. */
function settings(table: Table) {
  const entries = Object.entries(table).map(([key, { unless, initial = unless, is, ...about }]) => {
    const known = initial === undefined ? is.form : { ...is.form, default: initial };
    const description = textOf({ ...about, about: sentenceOf({ is, ...about }) });
    return [key, v.optional(value(is.rule, { ...known, description }))] as const;
  });
  return Object.fromEntries(entries);
}

/** A table with these keys and no others. */
function table<Entries extends v.ObjectEntries>(entries: Entries, description: string) {
  return v.pipe(
    v.custom<object>(isTable, "expected keys with values"),
    // valibot's strict objects tell of one unknown key only.
    v.objectWithRest(entries, v.never()),
    v.metadata({ additionalProperties: false, description }),
  );
}

/** Several of something, at least one. */
function list<Item extends v.GenericSchema>(item: Item, expected: string) {
  return v.pipe(v.array(item, expected), v.minLength(1, expected));
}

function address<Where>(rule: Rule<Where>, description: string) {
  return v.pipe(
    v.string("expected an address"),
    judged<string, Where>(rule),
    v.metadata({ description }),
  );
}

/**
 * What may be written in several ways, told apart by the kind of the value. A union of valibot's
 * would try them all, and keep nothing of a list in which one item is wrong.
 */
export interface Ways<Schema extends v.GenericSchema> extends v.LazySchema<Schema> {
  /** All of them. */
  readonly ways: readonly Schema[];
}

function ways<Schema extends v.GenericSchema>(
  pick: (value: unknown) => Schema,
  ways: readonly Schema[],
): Ways<Schema> {
  return Object.assign(v.lazy(pick), { ways });
}

const listenAddress = address(listenRule, textOf(topPlaces.listen));
const upstreamAddress = address(upstreamRule, textOf(upstreamPlaces.address));

const upstreamEntries = { address: upstreamAddress, ...settings(upstreamTable) };
const upstreamShape = table(upstreamEntries, "An upstream with more to say of it.");
const listenAddresses = list(listenAddress, "expected an address or several");
const oneUpstream = ways<v.GenericSchema>(
  (value) => (isTable(value) ? upstreamShape : upstreamAddress),
  [upstreamAddress, upstreamShape],
);
const upstreamList = list(oneUpstream, "expected an upstream or several");

/** Where clients are accepted. */
function listen(place: Place) {
  return v.pipe(
    ways<v.GenericSchema>(
      (value) => (Array.isArray(value) ? listenAddresses : listenAddress),
      [listenAddress, listenAddresses],
    ),
    v.description(textOf(place)),
  );
}

/** Where relays go. */
function upstreams(place: Place) {
  return v.pipe(
    ways<v.GenericSchema>(
      (value) => {
        if (Array.isArray(value)) return upstreamList;
        return isTable(value) ? upstreamShape : upstreamAddress;
      },
      [upstreamAddress, upstreamShape, upstreamList],
    ),
    v.description(textOf(place)),
  );
}

/** What a listener may have for itself; at the top it holds for all of them. */
const listenerSettings = settings(listenerTable);

const listenerEntries = {
  name: v.optional(
    value(listenerName, { type: "string", description: textOf(listenerPlaces.name) }),
  ),
  listen: listen(listenerPlaces.listen),
  upstreams: v.optional(upstreams(listenerPlaces.upstreams)),
  ...listenerSettings,
} satisfies Record<keyof typeof listenerPlaces, unknown>;

const uringEntries = settings(uringTable);

const configEntries = {
  listen: v.optional(listen(topPlaces.listen)),
  upstream: v.optional(upstreams(topPlaces.upstream)),
  listeners: v.optional(
    v.pipe(
      v.array(table(listenerEntries, "A listener."), "expected a list of tables"),
      v.minLength(1, "expected a listener or several"),
      v.description(textOf(topPlaces.listeners)),
    ),
  ),
  ...listenerSettings,
  ...settings(proxyTable),
  uring: v.optional(table(uringEntries, textOf(topPlaces.uring))),
} satisfies Record<keyof typeof topPlaces, unknown>;

/** A whole configuration file. Its output has the values that the rules make. */
export const configSchema = table(
  {
    // For editors of JSON, which look there for what this is.
    $schema: v.optional(v.string("expected the address of a JSON Schema")),
    ...configEntries,
  },
  "A configuration of ringway.",
);

/** The keys that a person may write. */
export const knownKeys: KnownKeys = {
  top: Object.keys(configEntries),
  listener: Object.keys(listenerEntries),
  upstream: Object.keys(upstreamEntries),
  uring: Object.keys(uringEntries),
};
