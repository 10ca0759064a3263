import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { named, other, server } from "../../test/fixtures/certificates.ts";
import { ConfigError } from "../base/error.ts";
import { certificatePairs, namesIn, shownPair } from "./certificate-pairs.ts";

let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-pairs-"));
  for (const [name, { cert, key }] of Object.entries({ named, other, server })) {
    await writeFile(at(`${name}.pem`), cert);
    await writeFile(at(`${name}.key`), key);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const files = (name: string) => ({ cert: at(`${name}.pem`), key: at(`${name}.key`) });

test("a text, texts and tables say the same", () => {
  const text = `${at("server.pem")}+${at("server.key")}`;
  const both = `${text}, ${at("named.pem")}+${at("named.key")}`;
  expect(certificatePairs(text)).toEqual(certificatePairs([files("server")]));
  expect(certificatePairs(both)).toEqual(certificatePairs([text, files("named")]));
  expect(certificatePairs("off")).toEqual([]);
});

test("names come from the certificate, unless they are given", () => {
  expect(certificatePairs([files("server")])[0]?.names).toEqual([...namesIn(server.cert)]);
  expect(namesIn(server.cert)).toContain("localhost");
  const names = ["A.Test.", "*.Bücher.example"];
  const given = certificatePairs([{ ...files("server"), names }]);
  expect(given[0]?.names).toEqual(["a.test", "*.xn--bcher-kva.example"]);
  expect(certificatePairs([{ ...files("server"), names: "a.test, b.test" }])[0]?.names).toEqual([
    "a.test",
    "b.test",
  ]);
});

test("a plan shows names and the last day, and no key", () => {
  const [pair] = certificatePairs([files("server")]);
  if (pair === undefined) throw new Error("there is one");
  expect(shownPair(pair)).toMatch(/^localhost .*until \d{4}-\d\d-\d\d$|^localhost until \d{4}-/);
  expect(shownPair(pair)).not.toContain("KEY");
});

describe("what is wrong is told without the key", () => {
  const secret = "MIIZqxSecretZqx+/AB";
  const inline = `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`;
  test.each<[string, () => unknown, RegExp]>([
    ["a number", () => 1, /expected CERT\+KEY/],
    ["nothing", () => [], /expected CERT\+KEY/],
    ["one file", () => "a.pem", /expected CERT\+KEY/],
    ["three files", () => "a+b+c", /expected CERT\+KEY/],
    ["a table instead of a list", () => ({ cert: "a", key: inline }), /expected CERT\+KEY/],
    ["the key itself in a text", () => `${at("server.pem")}+${inline}`, /expected/],
    ["the key itself", () => [{ ...files("server"), key: inline }], /\[0\] .*path of a file/],
    ["the key itself as a list", () => [inline], /expected/],
    ["the key itself as a key", () => [{ [inline]: 1 }], /no other keys than cert, key, names/],
    ["no key", () => [{ cert: at("server.pem") }], /\[0\] key is missing/],
    ["no certificate", () => [{ key: at("server.key") }], /\[0\] cert is missing/],
    ["an unknown key", () => [{ ...files("server"), ca: "x" }], /no other keys than/],
    ["a file that is not there", () => [files("nothing")], /cannot be read/],
    ["another one's key", () => [{ ...files("server"), key: at("other.key") }], /not the key of/],
    ["a wrong name", () => [{ ...files("server"), names: "a b" }], /host name, or a wildcard/],
    ["a name that is none", () => [{ ...files("server"), names: [1] }], /host name, or a wildcard/],
    ["the second one", () => [files("server"), files("nothing")], /\[1\] .*cannot be read/],
  ])("%s", (_what, value, why) => {
    let message = "";
    try {
      certificatePairs(value());
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      message = error.problems.join("\n");
    }
    expect(message).toMatch(why);
    expect(message).not.toContain("Zqx");
  });
});
