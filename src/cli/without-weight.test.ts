import { expect, test } from "bun:test";
import { readDocument } from "../config/document.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { withoutWeight } from "./without-weight.ts";

/** What is told of a listener. */
function told(listener: object): readonly string[] {
  const problems = new Problems();
  const listeners = [{ listen: ":1", ...listener }];
  const source = readDocument({ listeners }, "f.ts", null, problems);
  return withoutWeight(validate({}, source, problems.sentences).listeners);
}

const none = { address: "a:1", weight: 0 };
const sentence = (name: string) =>
  `no upstream of listener ${name} takes new relays: all have weight 0`;

test("a listener none of whose upstreams has a weight is told once", () => {
  expect(told({ upstreams: none })).toEqual([sentence("[::]:1")]);
  const backup = { address: "b:1", weight: 0, backup: true };
  const named = { name: "db", listen: [":1", ":2"], upstreams: [none, backup] };
  expect(told(named)).toEqual([sentence("db")]);
});

test("not one with a weight, nor one for which a function decides", () => {
  expect(told({ upstreams: [none, { address: "b:1", backup: true }] })).toEqual([]);
  expect(told({ upstreams: [none, "srv:_a._tcp.example.org"] })).toEqual([]);
  expect(told({ upstreams: none, route: () => ({ upstream: "a:1" }) })).toEqual([]);
  expect(told({ mode: "sink" })).toEqual([]);
  expect(withoutWeight(validate({}).listeners)).toEqual([]);
});
