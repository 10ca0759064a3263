import { estimateShallowMemoryUsageOf as sizeOf } from "bun:jsc";
import { expect, test } from "bun:test";
import { SocketsConduit } from "./conduit.ts";

/**
 * An object's memory grows in steps: from 53 members to 54 by 176 bytes, from 8 to 9 by 32. Each idle relay has one
 * conduit and two ends.
 */
test("the objects of a relay are just below the next step of memory", () => {
  const host = { hall: {}, meter: {}, reservoirs: { up: {}, down: {} }, turn: {} };
  const listener = { main: { chooser: {} } };
  const conduit = new SocketsConduit(host as never, listener as never);

  expect(sizeOf(conduit)).toBeLessThanOrEqual(440);
  expect(sizeOf(conduit.clientSocket)).toBeLessThanOrEqual(88);
});
