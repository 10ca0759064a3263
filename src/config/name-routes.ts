import { formatAddress, parseUpstream } from "../base/address.ts";
import { ConfigError, describe } from "../base/error.ts";
import { hostPattern, isCoveredBy } from "../base/host-name-table.ts";
import { type NameRoute, ROUTES_MAX } from "../entry/tls-hello/routes.ts";
import { isTable } from "./plain.ts";
import { refuse, truth } from "./rule.ts";
import type { GivenUpstream, ListenerGroup } from "./settings.ts";
import type { Problems } from "./sourced.ts";

/** One of the routes of a listener, as a file or a program writes it. */
export interface NameRouteConfig {
  /** Host names that it is for, exact or such as `*.example.org`; it takes names of any depth below. */
  readonly names?: string | readonly string[];
  /** Application protocols (ALPN) that it is for, such as `h2`: a client has to offer one of them. */
  readonly alpn?: string | readonly string[];
  /** It is for clients that do not speak TLS. */
  readonly plain?: boolean;
  /** Those of the listener's upstreams that its clients go to; by default, all of them. */
  readonly upstreams?: string | readonly string[];
  /** Turn its clients away. */
  readonly refuse?: boolean;
  /** What the log and metrics call it; by default, its first name or protocol, `plain` or `default`. */
  readonly label?: string;
}

const KEYS: readonly string[] = ["names", "alpn", "plain", "upstreams", "refuse", "label"];
const EXPECTED = "routes such as a.example.org=10.0.0.1:443, or a list of tables with names";
/** More than a person writes down. */
const NAMES_MAX = 10_000;
const PROTOCOL = /^[\x21-\x7e]{1,255}$/;
const LABEL = /^[\w.:*-][\w.:* -]{0,99}$/;

type Given = Readonly<Record<string, unknown>>;

/**
 * The routes of a listener: a list of tables, or a text with commas such as
 * `a.test+b.test=10.0.0.1:443,alpn:h2=10.0.0.2:443+10.0.0.3:443,plain=10.0.0.4:80,default=refuse`.
 */
export function nameRoutes(value: unknown): readonly NameRoute[] {
  if (value === "off" || value === false) return [];
  const items: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(items) || items.length === 0) return refuse(value, EXPECTED);
  if (items.length > ROUTES_MAX) return refuse(value, `up to ${ROUTES_MAX} routes`);
  const routes = items.map((item, index) =>
    at(index, () => routeOf(typeof item === "string" ? tableOf(item.trim()) : item)),
  );
  if (routes.reduce((sum, { names }) => sum + names.length, 0) > NAMES_MAX) {
    return refuse(value, `up to ${NAMES_MAX} names`);
  }
  rejectDoubles(routes);
  return routes;
}

/** Says which route it is that is wrong. */
function at<T>(index: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`[${index}] ${error.message}`);
  }
}

/** What a route in one word says, as a table. */
function tableOf(text: string): Given {
  const [what = "", where, ...rest] = text.split("=");
  if (what === "" || where === "" || rest.length > 0) return refuse(text, EXPECTED);
  const parts = what.split("+");
  const alpn = parts.flatMap((part) => (part.startsWith("alpn:") ? [part.slice(5)] : []));
  const names = parts.filter((part) => !part.startsWith("alpn:"));
  const isWord = (word: string) => names.length === 1 && names[0] === word;
  return {
    ...(isWord("default") || isWord("plain") || names.length === 0 ? {} : { names }),
    ...(isWord("plain") ? { plain: true } : {}),
    ...(alpn.length === 0 ? {} : { alpn }),
    ...(where === "refuse" ? { refuse: true } : {}),
    ...(where === undefined || where === "refuse" ? {} : { upstreams: where.split("+") }),
  };
}

function routeOf(item: unknown): NameRoute {
  if (!isTable(item)) return refuse(item, EXPECTED);
  const given = item as Given;
  const stray = Object.keys(given).find((key) => !KEYS.includes(key));
  if (stray !== undefined) return refuse(stray, `one of the keys ${KEYS.join(", ")}`);
  const names = texts(given.names, "names", patternOf);
  const alpn = texts(given.alpn, "alpn", protocolOf);
  const isPlain = given.plain !== undefined && truth(given.plain);
  const isRefused = given.refuse !== undefined && truth(given.refuse);
  const upstreams =
    given.upstreams === undefined ? null : texts(given.upstreams, "upstreams", upstreamOf);
  if (isPlain && names.length + alpn.length > 0) {
    throw new ConfigError("plain is for clients without TLS, which say no names or protocols");
  }
  if (isRefused && upstreams !== null) {
    throw new ConfigError("refuse contradicts upstreams: leave one of them out");
  }
  const label = labelOf(given.label, names, alpn, isPlain);
  return { label, names, alpn, isPlain, upstreams, isRefused };
}

/** A text or a list of texts, each by a rule; each once. */
function texts(value: unknown, key: string, rule: (text: string) => string): readonly string[] {
  if (value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (all.length === 0) throw new ConfigError(`${key} is empty: leave it out`);
  const made = all.map((one) => {
    if (typeof one !== "string") return refuse(one, `${key} to be texts`);
    return rule(one.trim());
  });
  return [...new Set(made)];
}

function patternOf(text: string): string {
  return hostPattern(text) ?? refuse(text, "a host name, or a wildcard such as *.example.org");
}

function protocolOf(text: string): string {
  return PROTOCOL.test(text) ? text : refuse(text, "a protocol (ALPN) such as h2");
}

function upstreamOf(text: string): string {
  return formatAddress(parseUpstream(text));
}

function labelOf(
  given: unknown,
  [name]: readonly string[],
  [protocol]: readonly string[],
  isPlain: boolean,
): string {
  if (typeof given === "string" && LABEL.test(given)) return given;
  if (given !== undefined) return refuse(given, "a label of 1…100 letters, digits, dots, dashes");
  if (isPlain) return "plain";
  const parts = [name ?? [], protocol === undefined ? [] : `alpn:${protocol}`].flat();
  return parts.length === 0 ? "default" : parts.join(" ").slice(0, 100);
}

/** Two routes for the same client, or with the same label. */
function rejectDoubles(routes: readonly NameRoute[]): void {
  const seen = new Map<string, number>();
  const add = (what: string, index: number, why: string) => {
    const before = seen.get(what);
    if (before !== undefined) {
      throw new ConfigError(`[${index}] ${why}, as [${before}] does already`);
    }
    seen.set(what, index);
  };
  for (const [index, { names, alpn, isPlain, label }] of routes.entries()) {
    const protocols = alpn.length === 0 ? [null] : alpn;
    for (const name of names.length === 0 ? [null] : names) {
      for (const protocol of protocols) {
        const text = [name ?? [], protocol ?? []].flat().map(describe).join(" with ");
        const what = text === "" ? (isPlain ? "clients without TLS" : "all other clients") : text;
        add(JSON.stringify([name, protocol, isPlain]), index, `takes ${what}`);
      }
    }
    add(`label ${label}`, index, `has the label ${describe(label)}: give it another label`);
  }
}

/** Routes as a person would write them on a command line. */
export function nameRoutesText(routes: readonly NameRoute[]): string {
  return routes.length === 0 ? "off" : routes.map(routeText).join(",");
}

/** A route as a person would write it. */
export function routeText({ names, alpn, isPlain, upstreams, isRefused }: NameRoute): string {
  const parts = [...names, ...alpn.map((one) => `alpn:${one}`)];
  const what = parts.length === 0 ? (isPlain ? "plain" : "default") : parts.join("+");
  if (isRefused) return `${what}=refuse`;
  return upstreams === null ? what : `${what}=${upstreams.join("+")}`;
}

/** Routes lead to upstreams of their own listener, and a sink has none. */
export function rejectRoutes(groups: readonly ListenerGroup[], problems: Problems): void {
  for (const { settings, upstreams } of groups) {
    const { routes, helloTimeout, mode } = settings;
    const isOn = routes?.value !== undefined && (routes.value === null || routes.value.length > 0);
    if (helloTimeout !== undefined && !isOn) problems.add(helloTimeout, "needs routes");
    if (routes === undefined || routes.value === null || !isOn) continue;
    if (mode?.value === "sink") {
      problems.add(routes, "contradicts mode sink, which has no upstream: leave one of them out");
      continue;
    }
    const known = new Set(upstreams.map(nameOf));
    for (const [index, route] of routes.value.entries()) {
      const stray = route.upstreams?.find((one) => !known.has(one));
      if (stray === undefined || upstreams.some(({ value }) => value === null)) continue;
      const why = `${describe(stray)}: expected one of the listener's upstreams`;
      problems.add({ label: `${routes.label}[${index}].upstreams` }, why);
    }
  }
}

function nameOf({ value }: GivenUpstream): string {
  return value === null ? "" : formatAddress(value);
}

/** What `ringway check` warns of in the routes of a listener, as sentences. */
export function routeWarnings(
  listener: string,
  routes: readonly NameRoute[],
  upstreams: readonly { readonly name: string; readonly weight: number }[],
): string[] {
  if (routes.length === 0) return [];
  const of = ({ upstreams: those }: NameRoute) =>
    upstreams.filter(({ name }) => those === null || those.includes(name));
  const open = routes.filter(({ isRefused }) => !isRefused);
  const unused = upstreams.filter((one) => !open.some((route) => of(route).includes(one)));
  return [
    ...open
      .filter((route) => of(route).every(({ weight }) => weight === 0))
      .map(({ label }) => `no upstream of route ${label} of ${listener} has a weight above 0`),
    ...unused.map(({ name }) => `no route of ${listener} leads to upstream ${name}`),
    ...shadowed(routes).map(
      ([name, wildcard, label]) =>
        `${name} of ${listener} is covered by ${wildcard}, which leads to the same upstreams: ` +
        `route ${label} may leave it out`,
    ),
  ];
}

/** Names for which a wildcard does the same. */
function shadowed(routes: readonly NameRoute[]): [name: string, wildcard: string, label: string][] {
  const target = ({ upstreams, isRefused, alpn }: NameRoute) =>
    JSON.stringify([upstreams?.toSorted() ?? null, isRefused, alpn.toSorted()]);
  const wildcards = routes.flatMap((route) =>
    route.names.flatMap((name) => (name.startsWith("*.") ? [{ name, route }] : [])),
  );
  return routes.flatMap((route) =>
    route.names.flatMap((name) => {
      // The wildcard that would take the name: the longest one that covers it.
      const [next] = wildcards
        .filter((one) => isCoveredBy(name, one.name))
        .sort((one, other) => other.name.length - one.name.length);
      if (next === undefined || target(next.route) !== target(route)) return [];
      return [[name, next.name, route.label] as [string, string, string]];
    }),
  );
}
