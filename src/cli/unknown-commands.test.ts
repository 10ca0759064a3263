import { expect, test } from "bun:test";
import { readDocument } from "../config/document.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { unknownCommands } from "./unknown-commands.ts";

/** The warnings about a listener of mode `valkey`. */
function told(settings: object): readonly string[] {
  const problems = new Problems();
  const listener = { name: "cache", listen: [":1", ":2"], upstreams: "a:1", mode: "valkey" };
  const source = readDocument({ listeners: [{ ...listener, ...settings }] }, "f", null, problems);
  return unknownCommands(validate({}, source, problems.sentences).listeners);
}

test("a mistyped command is told once for a listener, with what was probably meant", () => {
  expect(told({ valkeyDeny: "flushal,keys", valkeySlow: "config gte" })).toEqual([
    "valkeySlow CONFIG GTE of listener cache is no command of Valkey: did you mean CONFIG GET?",
    "valkeyDeny FLUSHAL of listener cache is no command of Valkey: did you mean FLUSHALL?",
  ]);
});

test("a command that has no such subcommand is told", () => {
  expect(told({ valkeyDeny: "zrangestore everything" })).toEqual([
    "valkeyDeny ZRANGESTORE EVERYTHING of listener cache is no command of Valkey",
  ]);
});

test("not those of Valkey, nor what a module or a later version may have", () => {
  expect(told({ valkeyDeny: "flushall,config,config set,client no-evict" })).toEqual([]);
  expect(told({ valkeyDeny: "json.set,ts.add,frobnicate,frobnicate all" })).toEqual([]);
  expect(told({})).toEqual([]);
  expect(unknownCommands(validate({}).listeners)).toEqual([]);
});
