import * as v from "valibot";
import { ConfigError, describe } from "../base/error.ts";
import type { Environment } from "./environment.ts";
import { formatPath, type Path, unknownKey } from "./keys.ts";
import { broken, isTable, plain } from "./plain.ts";
import { configSchema, knownKeys } from "./schema.ts";
import { isSecret, veiled } from "./secrets.ts";
import {
  type GivenUpstream,
  givenUpstream,
  type ListenerSource,
  type ListenPlace,
  type Source,
  type UpstreamPlace,
  unread,
  type WrittenUpstream,
} from "./settings.ts";
import type { Problems, Sourced, Sources } from "./sourced.ts";
import type { Table, ValuesIn } from "./table/setting.ts";
import { listenerTable, settingTable, upstreamTable, uringTable } from "./table/table.ts";

/** The keys of all tables, and what an editor of JSON looks for. */
const everyKey: ReadonlySet<string> = new Set(["$schema", ...Object.values(knownKeys).flat()]);

/** What the schema makes of a table: values as rules make them, null for what was refused. */
type Judged = Readonly<Record<string, unknown>>;
/** One of something, several, or null for what was refused. */
type OneOrMore<T> = T | null | readonly (T | null)[];

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
    const top = output as Judged;
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
      settings: this.values(top, [], settingTable),
      uring: this.values((uring ?? {}) as Judged, ["uring"], uringTable),
    };
  }

  private listeners(listeners: unknown): Source["listeners"] {
    if (listeners === undefined || listeners === null) return listeners;
    return (listeners as (Judged | null)[]).flatMap((one, index) =>
      one === null ? [] : this.listener(one, ["listeners", index]),
    );
  }

  private listener(table: Judged, path: Path): ListenerSource {
    const { name } = table;
    return {
      label: labelOf(this.file, path),
      ...(name === undefined
        ? {}
        : { name: this.sourced(name as string | null, [...path, "name"]) }),
      ...optional("listen", this.listen(table.listen, [...path, "listen"])),
      ...optional("upstreams", this.upstreams(table.upstreams, [...path, "upstreams"])),
      settings: this.values(table, path, listenerTable),
    };
  }

  /** The values of a table that are settings, with where they stand. */
  private values<Entries extends Table>(
    table: Judged,
    path: Path,
    entries: Entries,
  ): Sources<ValuesIn<Entries>> {
    const sources: Record<string, Sourced<unknown>> = {};
    for (const key of Object.keys(entries)) {
      const value = table[key];
      if (value !== undefined) sources[key] = this.sourced(value, [...path, key]);
    }
    return sources as Sources<ValuesIn<Entries>>;
  }

  private listen(given: unknown, path: Path): readonly Sourced<ListenPlace>[] | undefined {
    return this.each(given as OneOrMore<ListenPlace> | undefined, path, (one, where) =>
      this.sourced(one, where),
    );
  }

  private upstreams(
    given: unknown,
    path: Path,
  ): readonly GivenUpstream<UpstreamPlace>[] | undefined {
    type Upstream = WrittenUpstream | Judged;
    return this.each(given as OneOrMore<Upstream> | undefined, path, (one, where) => {
      const { problems } = this;
      if (one === null || "place" in one) {
        const address = this.sourced(one as WrittenUpstream | null, where);
        return givenUpstream(address, undefined, problems);
      }
      const address = this.sourced(one.address as WrittenUpstream | null, [...where, "address"]);
      return givenUpstream(address, this.values(one, where, upstreamTable), problems);
    });
  }

  private each<T, Made>(
    given: OneOrMore<T> | undefined,
    path: Path,
    make: (one: T | null, path: Path) => Made,
  ): readonly Made[] | undefined {
    if (given === undefined) return undefined;
    if (!isList(given)) return [make(given, path)];
    return given.map((one, index) => make(one, [...path, index]));
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

function isList<T>(value: OneOrMore<T>): value is readonly (T | null)[] {
  return Array.isArray(value);
}

function optional<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: T });
}
