import * as v from "valibot";
import type { Route } from "../edge/route/connection.ts";
import type { DnsServer } from "../upstream/names/dns-server.ts";
import type { DnsNetwork } from "./dns-allow.ts";
import type { NetworkList } from "./edge.ts";
import type { Environment } from "./environment.ts";
import { ConfigError, describe } from "./error.ts";
import type { HealthValues } from "./health.ts";
import { formatPath, type Path, unknownKey } from "./keys.ts";
import type { PortRange, Refusal, UpstreamAddress } from "./options.ts";
import { broken, isTable, plain } from "./plain.ts";
import type { Rule } from "./rule.ts";
import { type ConfigOutput, configSchema, knownKeys } from "./schema.ts";
import { isSecret, veiled } from "./secrets.ts";
import {
  type GivenUpstream,
  type ListenerSource,
  type ListenerValues,
  type ListenPlace,
  listenerRules,
  type Source,
  settingRules,
  type UpstreamPlace,
  type UpstreamValues,
  unread,
  upstreamRules,
} from "./settings.ts";
import type { Problems, Sourced, Sources } from "./sourced.ts";
import { uringRules } from "./uring.ts";

/** The keys of all tables, and what an editor of JSON looks for. */
const everyKey: ReadonlySet<string> = new Set(["$schema", ...Object.values(knownKeys).flat()]);

/** What the schema makes of a file; null stands for whatever it refused, however large. */
type Judged<T> = T extends UpstreamAddress | PortRange | Made
  ? T | null
  : T extends readonly (infer Item)[]
    ? readonly Judged<Item>[] | null
    : T extends object
      ? { readonly [K in keyof T]: Judged<T[K]> } | null
      : T | null;

/** What rules make of a single value, though it is no scalar. */
type Made =
  | HealthValues["checkStatus" | "checkSend" | "checkExpect" | "checkAddress"]
  | NetworkList
  | readonly DnsServer[]
  | ListenerValues["sourceAddress"]
  | readonly DnsNetwork[]
  | Refusal
  | Route;

type Top = NonNullable<Judged<ConfigOutput>>;
type Listener = NonNullable<NonNullable<Top["listeners"]>[number]>;
type Upstreams = Top["upstream"];
/** What the schema makes of a table that says more of an upstream. */
type UpstreamTable = { readonly address: UpstreamPlace | null } & {
  readonly [K in keyof UpstreamValues]?: UpstreamValues[K] | null | undefined;
};

/**
 * Looks at all of a document that a file contains: which keys there are, and each value by its rule.
 * Contradictions between values are not looked for yet.
 *
 * @param file the file's name, as messages have it
 * @param environment variables for texts; null where a module sees to that itself
 * @param problems told of everything that is wrong
 */
export function readDocument(
  content: unknown,
  file: string,
  environment: Environment | null,
  problems: Problems,
): Source {
  const label = `${file}:`;
  let more = 0;
  const document = unlessTooLarge(() =>
    plain(
      content,
      environment,
      {
        wrong: (path, why) => problems.say(() => `${labelOf(file, path)} ${why}`),
        unknown: (path) => problems.add({ label }, () => unknownKey(path, knownKeys)),
        more: () => {
          more++;
        },
      },
      (key) => everyKey.has(key),
    ),
  );
  if (document instanceof ConfigError) problems.add({ label }, document.message);
  else if (isTable(document)) {
    const source = new DocumentReader(document, file, problems).read();
    problems.more(more);
    return source;
  }
  // In YAML whatever is no key is a text, also a token whose colon lacks its space.
  else if (document !== broken)
    problems.add({ label }, `expected keys with values, not ${kindOf(document)}`);
  return unread;
}

function kindOf(document: unknown): string {
  return typeof document === "string" ? "a text" : describe(document);
}

function unlessTooLarge(copy: () => unknown): unknown {
  try {
    return copy();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** Takes a document apart: values go with where they stand, what is wrong goes to the problems. */
class DocumentReader {
  constructor(
    private readonly document: object,
    private readonly file: string,
    private readonly problems: Problems,
  ) {}

  read(): Source {
    const { output, issues = [] } = v.safeParse(configSchema, this.document);
    for (const issue of issues) {
      const path = (issue.path ?? []).map(({ key }) => key as string | number);
      this.tell(issue, path);
      erase(output, path);
    }
    const top = output as Top;
    const { listen, listeners, uring } = top;
    if (listen !== undefined && listeners !== undefined) {
      const why = "contradicts listeners, which have addresses of their own: leave one of them out";
      this.problems.add({ label: labelOf(this.file, ["listen"]) }, why);
    }
    return {
      label: `${this.file}:`,
      isEmpty: Object.keys(this.document).length === 0,
      ...optional("listen", this.listen(listen, ["listen"])),
      ...optional("upstream", this.upstreams(top.upstream, ["upstream"])),
      ...optional("listeners", this.listeners(listeners)),
      settings: this.values(top, [], settingRules),
      uring: this.values(uring ?? {}, ["uring"], uringRules),
    };
  }

  private listeners(listeners: Top["listeners"]): Source["listeners"] {
    if (listeners === null) return null;
    return listeners?.flatMap((one, index) =>
      one === null ? [] : this.listener(one, ["listeners", index]),
    );
  }

  private listener(table: Listener, path: Path): ListenerSource {
    const { name } = table;
    return {
      label: labelOf(this.file, path),
      ...(name === undefined ? {} : { name: this.sourced(name, [...path, "name"]) }),
      ...optional("listen", this.listen(table.listen, [...path, "listen"])),
      ...optional("upstreams", this.upstreams(table.upstreams, [...path, "upstreams"])),
      settings: this.values(table, path, listenerRules),
    };
  }

  /** The values of a table that have rules, with where they stand. */
  private values<Values>(
    table: { readonly [K in keyof Values]?: Values[K] | null | undefined },
    path: Path,
    rules: { readonly [K in keyof Values]: Rule<Values[K]> },
  ): Sources<Values> {
    const sources: { -readonly [K in keyof Values]?: Sourced<Values[K]> } = {};
    const take = <K extends keyof Values & string>(key: K) => {
      const value = table[key];
      if (value === undefined) return;
      sources[key] = this.sourced<Values[K]>(value as Values[K] | null, [...path, key]);
    };
    for (const key of Object.keys(rules)) take(key as keyof Values & string);
    return sources;
  }

  private listen(given: Top["listen"], path: Path): readonly Sourced<ListenPlace>[] | undefined {
    if (given === undefined) return undefined;
    if (!isList(given)) return [this.sourced(given, path)];
    return given.map((one, index) => this.sourced(one, [...path, index]));
  }

  private upstreams(
    given: Upstreams,
    path: Path,
  ): readonly GivenUpstream<UpstreamPlace>[] | undefined {
    if (given === undefined) return undefined;
    if (!isList(given)) return [this.upstream(given, path)];
    return given.map((one, index) => this.upstream(one, [...path, index]));
  }

  private upstream(
    given: UpstreamPlace | UpstreamTable | null,
    path: Path,
  ): GivenUpstream<UpstreamPlace> {
    if (given === null || "kind" in given) return this.sourced(given, path);
    const address = this.sourced(given.address, [...path, "address"]);
    return { ...address, settings: this.values(given, path, upstreamRules) };
  }

  private sourced<T>(value: T | null, path: Path): Sourced<T> {
    const given = path.reduce<unknown>((table, key) => (table as Keyed)[key], this.document);
    return { value, given, label: labelOf(this.file, path) };
  }

  private tell(issue: v.BaseIssue<unknown>, path: Path): void {
    // That has been told already.
    if (issue.input === broken && issue.type !== "never") return;
    this.problems.say(() => this.sentence(issue, path));
  }

  private sentence({ type, input, message }: v.BaseIssue<unknown>, path: Path): string {
    if (type === "never") return `${this.file}: ${unknownKey(path, knownKeys)}`;
    if (type === "raw_transform") return `${labelOf(this.file, path)} ${message}`;
    if (type === "object_with_rest") {
      return `${labelOf(this.file, path.slice(0, -1))} has no ${path.at(-1)}, which it needs`;
    }
    const shown = isSecret(path.at(-1)) ? veiled(input) : describe(input);
    return `${labelOf(this.file, path)} ${shown}: ${message}`;
  }
}

type Keyed = Record<string | number, unknown>;

/** Puts null where something was refused. */
function erase(output: unknown, path: Path): void {
  let place = output;
  for (const key of path.slice(0, -1)) {
    if (typeof place !== "object" || place === null) return;
    place = (place as Keyed)[key];
  }
  const last = path.at(-1);
  if (typeof place === "object" && place !== null && last !== undefined) {
    (place as Keyed)[last] = null;
  }
}

function labelOf(file: string, path: Path): string {
  return path.length === 0 ? `${file}:` : `${file}: ${formatPath(path)}`;
}

function isList<T>(value: T | readonly T[] | null): value is readonly T[] {
  return Array.isArray(value);
}

function optional<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: T });
}
