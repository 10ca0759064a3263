import { expect, test } from "bun:test";
import { readDocument } from "../config/document.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { warningsOf } from "./warnings.ts";

/** What is told of a listener. */
function told(listener: object): readonly string[] {
  const problems = new Problems();
  const listeners = [{ listen: ":1", upstreams: "a:1", ...listener }];
  const source = readDocument({ listeners }, "f.ts", null, problems);
  return warningsOf(validate({}, source, problems.sentences).listeners);
}

const sentence = (name: string) =>
  `listener ${name} believes the PROXY header of whoever connects: name the proxies in front of it (proxyProtocolFrom), or say any`;

test("a listener that believes anybody is told once", () => {
  expect(told({ proxyProtocol: "required" })).toEqual([sentence("[::]:1")]);
  const named = { name: "db", listen: [":1", ":2"], proxyProtocol: "required" };
  expect(told(named)).toEqual([sentence("db")]);
});

test("not one that knows whom it believes, nor one that was told to believe anybody", () => {
  const required = { proxyProtocol: "required" };
  expect(told({ ...required, proxyProtocolFrom: "10.0.0.0/8" })).toEqual([]);
  expect(told({ ...required, proxyProtocolFrom: "any" })).toEqual([]);
  expect(told({ proxyProtocol: "optional", proxyProtocolFrom: "any" })).toEqual([]);
  expect(told({ ...required, listen: "unix:/run/a.sock" })).toEqual([]);
  expect(told({})).toEqual([]);
});
