import { type Address, formatAddress } from "../../src/base/address.ts";
import type { Connection } from "../kernel/connection.ts";
import { holds } from "../model/fuzz.ts";
import { checkAsked } from "./asking.ts";
import type { SimulatedCarrier } from "./carrier.ts";
import type { SimulatedConduit } from "./conduit.ts";
import { signatureSize } from "./greeting.ts";
import { isDenied } from "./reasons.ts";
import { BELIEVED, BURST, LISTENER_ROW, TOTAL_ROW } from "./settings.ts";
import type { EdgeStory, Story } from "./story.ts";
import type { Sight, Witness } from "./witness.ts";

/** What may be at most, as the operator has had it so far. */
export interface Limits {
  listener: number;
  upstream: number;
}

/** Where a route function sends a client, by a row of the table. */
export interface Wanted {
  readonly slot: number;
  readonly isStrict: boolean;
}

/** By what is found out whether a client may be dialled for. */
interface Asked {
  readonly carrier: SimulatedCarrier;
  readonly story: Story;
  readonly limits: Limits;
  /** Whom a route function has refused, and where it has sent others. */
  readonly refused: ReadonlySet<string>;
  readonly wanted: ReadonlyMap<string, Wanted>;
}

/** Whether headers of who has connected from there are believed. @param peer `host:port` */
export function isBelieved({ proxyProtocol, believesFew }: EdgeStory, peer: string): boolean {
  return proxyProtocol !== "off" && (!believesFew || peer.startsWith(BELIEVED));
}

/** An upstream is dialled for a relay: its client has to be one that may come in, and it has to be open. */
export function checkDialled(
  conduit: SimulatedConduit,
  address: Address,
  { carrier, story, limits, refused, wanted }: Asked,
): void {
  const { table } = carrier.hall;
  const { client, upstreamAddress, upstreamSlot: slot } = conduit;
  const sight = client === null ? undefined : carrier.witness.of(client.connection);
  if (client === null || sight === undefined) throw new Error("simulation: it dials for nobody");
  if (slot === null) throw new Error("simulation: it dials nobody");
  holds(!client.connection.isNameless, "for whom nothing is known nobody is dialled");
  holds(!refused.has(sight.name), "for whom the route function refuses nobody is dialled");
  const { begins, received } = client.connection;
  holds(!sight.asks || received >= begins.length, "nobody is dialled before its request is there");
  if (story.names) checkAsked(sight, client.connection, slot);
  checkWanted(conduit, slot, wanted.get(sight.name), story);
  checkOrder(conduit, carrier, story);
  // A name's addresses come later than it was chosen.
  if (address === upstreamAddress) {
    holds(table.isOpen(slot), `an upstream that is down is not dialled: ${formatAddress(address)}`);
    const isWeighed = table.weight(slot) > 0 || story.routes !== "none";
    holds(isWeighed, "an upstream that weighs nothing is not dialled");
  }
  const isBounded = limits.upstream === 0 || table.running(slot) <= limits.upstream;
  holds(isBounded, "an upstream has no more relays than it may have");
  if (story.edge !== null) checkEntered(sight, received, carrier, story.edge, limits);
}

/** A client goes where its route function sends it. */
function checkWanted(
  { dials }: SimulatedConduit,
  slot: number,
  wanted: Wanted | undefined,
  { maxRelays, operator }: Story,
): void {
  if (wanted === undefined) return;
  if (wanted.isStrict) holds(slot === wanted.slot, "who is to go to one upstream goes to no other");
  if (dials > 1 || operator || maxRelays > 0) return;
  holds(slot === wanted.slot, "who is sent to an upstream goes there first");
}

/** First come, first served. */
function checkOrder(
  { dials, id }: SimulatedConduit,
  carrier: SimulatedCarrier,
  story: Story,
): void {
  const { edge, holdMs, maxRelays, names, operator, peek, request, retries, routes } = story;
  // Who is accepted later may be through its steps sooner.
  if (names || request || peek > 0 || (edge !== null && edge.proxyProtocol !== "off")) return;
  const isQueue = maxRelays > 0 && holdMs + retries === 0 && edge?.whenFull !== "wait";
  if (!isQueue || operator || routes !== "none" || dials > 1) return;
  for (const one of carrier.ledger.running) {
    const isPassed = one.id < id && one.isWaiting && one.dials === 0;
    holds(!isPassed, "who waits for room is served before who comes later");
  }
}

/**
 * No more of a client's header comes in time, or at all: whoever may do without one, and has shown nothing of
 * it, is one without.
 */
export function headerOver(sight: Sight, client: Connection, edge: EdgeStory | null): void {
  const { greeting } = sight;
  if (edge?.proxyProtocol !== "optional" || greeting === null) return;
  if (client.received >= signatureSize(greeting)) return;
  sight.greeting = null;
  sight.name = sight.peer;
  // Behind what begins as a header there is no request, and no hello.
  if (greeting.bytes.length > 0) {
    sight.asks = false;
    sight.asked = null;
  }
  if (!sight.asks) client.headerSize = 0;
}

function checkEntered(
  sight: Sight,
  received: number,
  { hall, ledger, witness }: SimulatedCarrier,
  edge: EdgeStory,
  limits: Limits,
): void {
  const { greeting, name, peer } = sight;
  holds(!edge.denies || !isDenied(name), "for who is denied nobody is dialled");
  if (greeting !== null && isBelieved(edge, peer)) {
    const { is, bytes } = greeting;
    holds(is === "header" || is === "none", "for whose header is wrong nobody is dialled");
    const isWhole = is === "none" ? edge.proxyProtocol === "optional" : received >= bytes.length;
    holds(isWhole, "nobody is dialled before the header is complete");
  } else if (greeting !== null) {
    holds(edge.proxyProtocol !== "required", "who must not send a header does not come in");
  }
  checkRate(sight, edge, witness);
  const { table } = hall;
  const isRoomy = limits.listener === 0 || table.running(LISTENER_ROW) <= limits.listener;
  holds(isRoomy, "a listener has no more relays than it may have");
  const { totalRelays, maxRelaysPerClient, maxRelaysPerNetwork } = edge;
  holds(totalRelays === 0 || table.running(TOTAL_ROW) <= totalRelays, "nor have all together");
  let [dialled, same, near] = [0, 0, 0];
  for (const one of ledger.running) {
    if (one.upstreamSlot === null || one.client === null) continue;
    const other = witness.of(one.client.connection)?.name ?? "";
    dialled++;
    if (hostOf(other) === hostOf(name)) same++;
    if (networkOf(other) === networkOf(name)) near++;
  }
  holds(limits.listener === 0 || dialled <= limits.listener, "so many relays have an upstream");
  holds(maxRelaysPerClient === 0 || same <= maxRelaysPerClient, "so many of one client");
  holds(maxRelaysPerNetwork === 0 || near <= maxRelaysPerNetwork, "so many of one network");
}

/** Of one client's relays no more are begun than may come, however they come. */
function checkRate(sight: Sight, { clientRate }: EdgeStory, witness: Witness): void {
  if (sight.isBegun) return;
  sight.isBegun = true;
  const { count, ageMs } = witness.begun(hostOf(sight.name));
  const most = BURST + 1 + (clientRate * ageMs) / 1_000;
  holds(clientRate === 0 || count <= most, "a client comes no more often than it may");
}

function hostOf(name: string): string {
  return name.slice(0, name.lastIndexOf(":"));
}

/** All IPv6 clients of stories are in one network. */
function networkOf(name: string): string {
  return name.startsWith("[") ? "::" : name.slice(0, name.lastIndexOf("."));
}
