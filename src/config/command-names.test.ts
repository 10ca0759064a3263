import { expect, test } from "bun:test";
import { commandNames } from "./command-names.ts";

test.each<[unknown, string[]]>([
  ["none", []],
  [[], []],
  ["keys", ["KEYS"]],
  ["keys, Config   set", ["KEYS", "CONFIG SET"]],
  [
    ["KEYS", "client no-evict"],
    ["KEYS", "CLIENT NO-EVICT"],
  ],
  ["config|set,acl", ["CONFIG SET", "ACL"]],
  ["json.set,FT._LIST,bitfield_ro", ["JSON.SET", "FT._LIST", "BITFIELD_RO"]],
  ["keys,KEYS", ["KEYS"]],
])("%j are the commands %j", (value, names) => {
  expect(commandNames(value)).toEqual(names);
});

test.each([
  ["", '"": expected commands such as KEYS or CONFIG SET, separated by commas, or none'],
  ["get,", '"": expected commands'],
  ["config set maxmemory", '"config set maxmemory": expected commands'],
  ["config|", '"config|": expected commands'],
  ["g*t", '"g*t": expected commands'],
  ["x".repeat(65), ": expected commands"],
  [["get", 1], "1: expected commands"],
  [true, "true: expected commands"],
  [null, "null: expected commands"],
  [Array(1_001).fill("get"), "expected up to 1000 commands"],
])("%j is refused", (value, sentence) => {
  expect(() => commandNames(value)).toThrow(sentence);
});
