import {
  type Address,
  type PortRange,
  parseAddress,
  parsePorts,
  parseUpstream,
  type UpstreamAddress,
} from "../base/address.ts";
import { type Rule, refuse } from "./rule.ts";
import type { GivenValue, Problems, Sourced, Sources } from "./sourced.ts";
import type { ListenerValues, SettingValues, UpstreamValues, UringValues } from "./table/table.ts";

/** Where a listener is, as it is written. */
export type ListenPlace = Address | PortRange;

/** Where an upstream is, as it is written. */
export type UpstreamPlace = UpstreamAddress | PortRange;

/** An upstream with what is said of it. */
export interface GivenUpstream<Where extends UpstreamPlace = UpstreamAddress>
  extends Sourced<Where> {
  readonly settings?: Sources<UpstreamValues>;
}

/** A setting: a long flag in camelCase, where `uring.` stands for `--uring-`. */
export type SettingName =
  | "listen"
  | "upstream"
  | keyof SettingValues
  | `uring.${keyof UringValues}`;

/** A listener of a file's list `listeners`. */
export interface ListenerSource {
  /** As {@link GivenValue.label}. */
  readonly label: string;
  readonly name?: Sourced<string>;
  readonly listen?: readonly Sourced<ListenPlace>[];
  readonly upstreams?: readonly GivenUpstream<UpstreamPlace>[];
  readonly settings: Sources<ListenerValues>;
}

/** All that the command line or a file says, each value taken by its rule. */
export interface Source {
  /** As {@link GivenValue.label}, of a file as a whole, if there is one and it could be read. */
  readonly label?: string;
  /** It is a file in which nothing is set. */
  readonly isEmpty?: boolean;
  readonly listen?: readonly Sourced<ListenPlace>[];
  readonly upstream?: readonly GivenUpstream<UpstreamPlace>[];
  /** A file's list of listeners; null when what stands there is none. */
  readonly listeners?: readonly ListenerSource[] | null;
  readonly settings: Sources<SettingValues>;
  readonly uring: Sources<UringValues>;
}

/** A file that could not be read: nothing is known of it, and nothing is taken for granted. */
export const unread: Source = { listen: [], settings: {}, uring: {} };

/** The rule of where clients are accepted. */
export function listenRule(value: unknown): ListenPlace {
  if (typeof value !== "string") return refuse(value, "an address");
  return parsePorts(value, "listener") ?? parseAddress(value, "listener");
}

/** Where an upstream is, as it is written: `tls://` before it says that it speaks TLS. */
export interface WrittenUpstream {
  readonly place: UpstreamPlace;
  readonly isTls: boolean;
}

const TLS = "tls://";

/** The rule of where relays go. */
export function upstreamRule(value: unknown): WrittenUpstream {
  if (typeof value !== "string") return refuse(value, "an address");
  const isTls = value.startsWith(TLS);
  const text = isTls ? value.slice(TLS.length) : value;
  return { place: parsePorts(text, "upstream") ?? parseUpstream(text), isTls };
}

/** An upstream as it was given, with what is said of it. */
export function givenUpstream(
  given: Sourced<WrittenUpstream>,
  settings: Sources<UpstreamValues> | undefined,
  problems: Problems,
): GivenUpstream<UpstreamPlace> {
  const { value: written } = given;
  const upstream = { ...given, value: written?.place ?? null };
  const own = settings?.upstreamTls;
  if (written?.isTls !== true) return settings === undefined ? upstream : { ...upstream, settings };
  if (own?.value === false) problems.add(own, `contradicts ${TLS}: leave one of them out`);
  const { given: text, label } = given;
  return {
    ...upstream,
    settings: { ...settings, upstreamTls: { value: true, given: text, label } },
  };
}

/** Takes an address or a list of them, each by its rule. @returns at least one */
export function takeAddresses<T>(
  given: GivenValue,
  rule: Rule<T>,
  problems: Problems,
): readonly Sourced<T>[] {
  const values: readonly unknown[] = Array.isArray(given.value) ? given.value : [given.value];
  if (values.length > 0) {
    return values.map((value) => problems.take({ value, label: given.label }, rule));
  }
  problems.add(given, "an empty list: expected an address or several");
  return [{ value: null, given: given.value, label: given.label }];
}

/** A listener's name, as the log has it. */
export function listenerName(value: unknown): string {
  if (typeof value === "string" && /^[a-z\d][a-z\d_.-]{0,62}$/i.test(value)) return value;
  return refuse(value, "a name of 1…63 letters, digits, dots, dashes and underscores");
}

/** Addresses that share upstreams and settings, as they were given. */
export interface ListenerGroup {
  /** Where it was given, as a message names it. */
  readonly label: string;
  readonly name?: Sourced<string>;
  readonly listen: readonly Sourced<Address>[];
  readonly upstreams: readonly GivenUpstream[];
  /** Whether the upstreams were given for this group, not for all of them. */
  readonly ownUpstreams: boolean;
  readonly settings: Sources<ListenerValues>;
}
