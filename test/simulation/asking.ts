import { type Address, formatAddress } from "../../src/base/address.ts";
import type { Reason } from "../../src/base/reason.ts";
import { nameRoutes } from "../../src/config/name-routes.ts";
import type { NameRoute } from "../../src/entry/tls-hello/route.ts";
import { extension, helloMessage, inRecords } from "../fixtures/hellos.ts";
import type { Connection } from "../kernel/connection.ts";
import type { Fate } from "../kernel/faults.ts";
import { holds } from "../model/fuzz.ts";
import type { Asked } from "./greeting.ts";
import type { Story } from "./story.ts";
import type { Sight } from "./witness.ts";

/** Milliseconds that a client has for its hello. */
export const HELLO_MS = 40;

/** The first upstream of a story has a name of its own, the others have those of a wildcard: as far as they are there. */
export function routesTo(
  all: readonly { readonly address: Address; readonly slot: number }[],
): readonly NameRoute[] {
  const to = (name: string, isFor: (slot: number) => boolean) => {
    const those = all.filter(({ slot }) => isFor(slot));
    return those.length === 0
      ? []
      : [`${name}=${those.map(({ address }) => formatAddress(address)).join("+")}`];
  };
  const first = to("first.test", (slot) => slot === 0);
  const others = to("*.others.test", (slot) => slot > 0);
  return nameRoutes([...first, ...others, "no.test=refuse", "plain"].join(","));
}

const names = {
  first: "First.test.",
  others: "a.b.others.test",
  refused: "no.test",
  unknown: "x.y",
};
const text = new TextEncoder();

/** Draws what a client asks for. */
export function someAsked(fate: Fate): Asked {
  const is = fate.pick([
    "first",
    "first",
    "others",
    "refused",
    "unknown",
    "plain",
    "wrong",
  ] as const);
  if (is === "plain") return { is, bytes: text.encode("PING\r\n"), isCut: false };
  if (is === "wrong") return { is, bytes: inRecords(Uint8Array.of(2, 0, 0, 1, 7)), isCut: false };
  const extensions = [extension(51, new Uint8Array(fate.pick([0, 100, 1_500])))];
  const message = helloMessage({ name: names[is], extensions });
  const bytes = inRecords(message, fate.pick([16_384, 16_384, 100, 40]));
  if (fate.random() >= 0.1) return { is, bytes, isCut: false };
  return { is, bytes: bytes.subarray(0, fate.between(6, bytes.length - 1)), isCut: true };
}

/** An upstream is dialled for a client that asks: it has to be one of its route's. */
export function checkAsked({ asked }: Sight, client: Connection, slot: number): void {
  // What stands behind no header, or a wrong one, is looked at no further.
  if (asked === null || client.received <= client.headerSize) return;
  holds(!asked.isCut, "for whose hello is not complete nobody is dialled");
  if (asked.is === "plain") return;
  holds(client.received >= client.begins.length, "nobody is dialled before a hello is complete");
  holds(asked.is === "first" || asked.is === "others", "for whom no route is nobody is dialled");
  holds((asked.is === "first") === (slot === 0), "who asks for a name goes where it leads");
}

/** Whether a client was rightly refused for what it asks, or does not ask. */
export function isAskedRight(
  reason: Reason,
  { asked, ended, isLate }: Sight,
  { received, headerSize }: Connection,
  { operator, upstreams }: Story,
): boolean {
  const isUnclear = asked === null;
  switch (reason) {
    case "tls_no_route":
      if (isUnclear || asked.isCut) return false;
      return (
        asked.is === "refused" ||
        asked.is === "unknown" ||
        operator ||
        (asked.is === "others" && upstreams.length < 2)
      );
    case "tls_hello_invalid":
      return (
        isUnclear || asked.is === "wrong" || (ended.includes("client") && received > headerSize)
      );
    case "tls_hello_timeout":
      return isLate;
    default:
      return false;
  }
}
