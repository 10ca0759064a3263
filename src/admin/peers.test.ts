import { expect, test } from "bun:test";
import { mayUse } from "./peers.ts";

const owner = { uid: 1_000, gid: 100 };
const root = { uid: 0, groups: [0] };
const self = { uid: 1_000, groups: [7] };
const colleague = { uid: 1_001, groups: [7, 100] };
const stranger = { uid: 1_002, groups: [7] };

test.each([
  [0o600, [true, true, false, false]],
  [0o660, [true, true, true, false]],
  [0o666, [true, true, true, true]],
  // To connect takes the right to write, of the first class that somebody is in.
  [0o644, [true, true, false, false]],
  [0o406, [true, false, false, true]],
])("mode %o", (mode, expected) => {
  const peers = [root, self, colleague, stranger];
  expect(peers.map((peer) => mayUse(peer, owner, mode))).toEqual(expected);
});
