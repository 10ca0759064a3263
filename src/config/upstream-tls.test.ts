import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authority, client, server } from "../../test/fixtures/certificates.ts";
import { ConfigError } from "../base/error.ts";
import { readDocument } from "./document.ts";
import type { WantedListener } from "./options.ts";
import { Problems } from "./sourced.ts";
import { validate } from "./validate.ts";

let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-upstream-tls-"));
  const files = { "ca.pem": authority.cert, "a.pem": client.cert, "a.key": client.key };
  for (const [name, text] of Object.entries({ ...files, "b.key": server.key })) {
    await writeFile(at(name), text);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function listenerOf(document: object): WantedListener {
  const problems = new Problems();
  const all = { upstream: "a.example:1", ...document };
  const source = readDocument(all, "f", null, problems);
  return validate({}, source, problems).listeners[0] as WantedListener;
}

function complaints(document: object): readonly string[] {
  try {
    listenerOf(document);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((one) => one.replace("f: ", "").replaceAll(`${folder}/`, ""));
  }
  return [];
}

const plain = {
  serverName: null,
  verify: true,
  ca: null,
  identity: null,
  alpn: [],
  startTls: "off",
} as const;

test("upstreams get no TLS unless that is said, and then whom they are is verified", () => {
  expect(listenerOf({}).upstreamTls).toBeNull();
  expect(listenerOf({ upstreamTls: "off" }).upstreamTls).toBeNull();
  expect(listenerOf({ upstreamTls: true }).upstreamTls).toEqual(plain);
});

test("details, and files", () => {
  const { upstreamTls } = listenerOf({
    upstreamTls: true,
    upstreamTlsName: "up.example",
    upstreamTlsCa: at("ca.pem"),
    upstreamTlsCert: at("a.pem"),
    upstreamTlsKey: at("a.key"),
    upstreamTlsAlpn: "postgresql",
    upstreamStartTls: "postgres",
  });
  expect(upstreamTls).toMatchObject({
    serverName: "up.example",
    identity: { key: client.key },
    alpn: ["postgresql"],
    startTls: "postgres",
  });
});

test("one upstream may have it alone, be without, or have a name of its own", () => {
  const { upstreamTls, upstreams } = listenerOf({
    upstreamTlsVerify: false,
    upstream: [
      "tls://a.example:1",
      { address: "tls://b.example:1", upstreamTlsName: "c.example" },
      { address: "d.example:1", upstreamTls: true },
      "e.example:1",
    ],
  });
  expect(upstreamTls).toBeNull();
  const lax = { ...plain, verify: false };
  expect(upstreams.map(({ address, tls }) => [address, tls] as unknown)).toEqual([
    [{ kind: "tcp", host: "a.example", port: 1 }, lax],
    [
      { kind: "tcp", host: "b.example", port: 1 },
      { ...lax, serverName: "c.example" },
    ],
    [{ kind: "tcp", host: "d.example", port: 1 }, lax],
    [{ kind: "tcp", host: "e.example", port: 1 }, undefined],
  ]);
  const off = { upstreamTls: true, upstream: { address: "a:1", upstreamTls: false } };
  expect(listenerOf(off).upstreams[0]?.tls).toBeNull();
});

test("services, ports and paths may have it, too", () => {
  const upstream = ["tls://srv:_redis._tcp.example.org", "tls://unix:/run/a.sock"];
  const { upstreams } = listenerOf({ upstream });
  expect(upstreams.map(({ address, tls }) => [address.kind, tls] as unknown)).toEqual([
    ["service", plain],
    ["unix", plain],
  ]);
});

test.each([
  [{}, plain],
  [{ checkTls: false }, null],
  [
    { checkTls: true, checkTlsName: "x" },
    { ...plain, serverName: "x" },
  ],
  [{ checkAddress: "b:1" }, null],
  [{ checkAddress: ":1" }, null],
])("an upstream with TLS is checked by it, unless %j", (more, tls) => {
  const { health } = listenerOf({ upstreamTls: true, check: "tcp", ...more });
  expect(health.check?.tls ?? null).toEqual(tls);
});

test("the check of one upstream goes by its own TLS", () => {
  const { health, upstreams } = listenerOf({
    check: "tcp",
    upstream: ["tls://a.example:1", "b.example:1"],
  });
  expect(health.check?.tls).toBeNull();
  expect(upstreams.map(({ check }) => check?.tls)).toEqual([plain, undefined]);
});

test.each([
  [{ upstreamTlsName: "a" }, "upstreamTlsName needs upstreamTls"],
  [{ upstreamStartTls: "postgres" }, "upstreamStartTls needs upstreamTls"],
  [
    { upstream: { address: "a:1", upstreamTlsName: "x" } },
    "upstream.upstreamTlsName needs upstreamTls",
  ],
  [
    { upstream: { address: "tls://a:1", upstreamTls: false } },
    "upstream.upstreamTls contradicts tls://: leave one of them out",
  ],
  [
    { mirror: "tls://b:1" },
    'mirror "tls://b:1": expected an address without tls://, as copies go in plain text',
  ],
])("%j is refused", (document, complaint) => {
  expect(complaints(document)).toEqual([complaint]);
});

test("what cannot be together is refused, and no key is repeated", () => {
  const on = { upstreamTls: true };
  const odd = { ...on, upstreamTlsVerify: "off", upstreamTlsCa: at("ca.pem") };
  expect(complaints(odd)).toEqual([
    "upstreamTlsCa contradicts upstreamTlsVerify off: leave one of them out",
  ]);
  expect(complaints({ ...on, upstreamTlsCert: at("a.pem") })).toEqual([
    "upstreamTlsCert needs upstreamTlsKey",
  ]);
  const unlike = { ...on, upstreamTlsCert: at("a.pem"), upstreamTlsKey: at("b.key") };
  expect(complaints(unlike)).toEqual(["upstreamTlsKey is not the key of upstreamTlsCert"]);
  const itself = complaints({ ...on, upstreamTlsKey: server.key }).join();
  expect(itself).not.toContain("PRIVATE");
});

test("the demo server inside gets none", () => {
  expect(() => validate({ upstreamTls: { value: "on", label: "--upstream-tls" } })).toThrow(
    "--upstream-tls needs an upstream: the demo server inside speaks no TLS",
  );
});
