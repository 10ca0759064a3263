import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authority, client, other, server } from "../../test/fixtures/certificates.ts";
import { ConfigError } from "../base/error.ts";
import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import { readDocument } from "./document.ts";
import { Problems } from "./sourced.ts";
import { validate } from "./validate.ts";

let folder = "";
/** The paths of files, by their names. */
const at = (name: string) => join(folder, name);

const begin = "-----BEGIN CERTIFICATE-----";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-tls-"));
  const files: Record<string, string> = {
    "ca.pem": authority.cert,
    "both.pem": `# Ours\r\n${other.cert.replaceAll("\n", "\r\n")}\nand ç theirs:\n${authority.cert}`,
    "client.pem": client.cert,
    "client.key": client.key,
    "server.key": server.key,
    "nothing.pem": "",
    "text.pem": "Dear Sir or Madam",
    "half.pem": `${authority.cert}${begin}\nAAAA\n-----END CERTIFICATE-----\n`,
    "cut.pem": `${authority.cert}${other.cert.slice(0, 200)}`,
    "locked.key": client.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text);
  await writeFile(at("large.pem"), authority.cert);
  await truncate(at("large.pem"), 1024 * 1024 + 1);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** How the only listener of a configuration checks by TLS. @throws ConfigError */
function tlsOf(settings: object) {
  const problems = new Problems();
  const content = { listen: ":1", upstream: "up:2", check: "redis", ...settings };
  const source = readDocument(content, "f.toml", {}, problems);
  return validate({}, source, problems.sentences).listeners[0]?.health.check?.tls;
}

/** What is said of it, without the file's name and the folder. */
function complaints(settings: object): readonly string[] {
  try {
    tlsOf(settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((one) => one.replace("f.toml: ", "").replace(`${folder}/`, ""));
  }
  return [];
}

test("checks are made in plain unless something else is said", () => {
  expect(tlsOf({})).toBeNull();
  expect(tlsOf({ checkTls: false })).toBeNull();
});

test("a certificate has to be right unless something else is said", () => {
  const plain: TlsClientOptions = {
    serverName: null,
    verify: true,
    ca: null,
    identity: null,
    alpn: [],
    startTls: "off",
  };
  expect(tlsOf({ checkTls: true })).toEqual(plain);
  expect(tlsOf({ checkTls: "on", checkTlsVerify: "off" })).toEqual({ ...plain, verify: false });
});

test("files are read", () => {
  const tls = tlsOf({
    checkTls: true,
    checkTlsName: "up.example",
    checkTlsCa: at("both.pem"),
    checkTlsCert: at("client.pem"),
    checkTlsKey: at("client.key"),
    checkTlsAlpn: "h2,http/1.1",
  });
  expect(tls).toMatchObject({
    serverName: "up.example",
    identity: { cert: client.cert, key: client.key },
    alpn: ["h2", "http/1.1"],
  });
  expect(tls?.ca?.replaceAll("\r", "")).toBe(other.cert + authority.cert);
});

test("what one listener does not want may stand at the top", () => {
  const problems = new Problems();
  const content = {
    check: "redis",
    checkTls: true,
    checkTlsCa: at("ca.pem"),
    upstream: "up:2",
    listeners: [
      { listen: ":1" },
      { listen: ":2", checkTls: false },
      { listen: ":3", checkTlsCa: "none" },
      { listen: ":4", check: "none" },
    ],
  };
  const source = readDocument(content, "f.toml", {}, problems);
  const { listeners } = validate({}, source, problems.sentences);
  expect(listeners.map(({ health }) => health.check?.tls?.ca)).toEqual([
    authority.cert,
    undefined,
    null,
    undefined,
  ]);
});

describe("what is wrong", () => {
  const on = { checkTls: true };
  test.each<[object, string]>([
    [{ checkTls: "yes" }, 'checkTls "yes": expected on or off'],
    [{ checkTlsName: "up.example" }, "checkTlsName needs checkTls"],
    [{ checkTlsVerify: false }, "checkTlsVerify needs checkTls"],
    [{ ...on, checkTlsName: "up example" }, "expected a host name or an address, or none"],
    [{ ...on, checkTlsAlpn: "h2,,x" }, "expected names of protocols apart by commas, or none"],
    [{ ...on, checkTlsAlpn: "x".repeat(256) }, "expected names of protocols"],
  ])("%j", (settings, sentence) => {
    expect(complaints(settings)).toEqual([expect.stringContaining(sentence)]);
  });

  test.each([
    ["checkTlsCa", "none.pem", "cannot be read: there is no such file"],
    ["checkTlsCa", "", "cannot be read: it is a directory"],
    ["checkTlsCa", "large.pem", "larger than 1 MiB, so this is not a certificate or a key"],
    ["checkTlsCa", "nothing.pem", "has no certificate (PEM)"],
    ["checkTlsCa", "text.pem", "has no certificate (PEM)"],
    ["checkTlsCa", "client.key", "has no certificate (PEM)"],
    ["checkTlsCa", "half.pem", "certificate 2 of it is broken"],
    ["checkTlsCa", "cut.pem", "certificate 2 of it is broken"],
    ["checkTlsCert", "text.pem", "has no certificate (PEM)"],
    ["checkTlsKey", "none.key", "cannot be read: there is no such file"],
    ["checkTlsKey", "client.pem", "has no private key without a passphrase (PEM)"],
    ["checkTlsKey", "locked.key", "has no private key without a passphrase (PEM)"],
  ])("%s = %s", (key, name, why) => {
    const settings = { ...on, checkTlsCert: "none", checkTlsKey: "none", [key]: at(name) };
    const file = name === "" ? folder : name;
    expect(complaints(settings)).toEqual([`${key} "${file}": ${why}`]);
  });

  test.if(process.platform === "linux")("a pipe or a device is not waited for", async () => {
    expect(Bun.spawnSync(["mkfifo", at("pipe")]).exitCode).toBe(0);
    const why = "cannot be read: it is not a regular file";
    expect(complaints({ ...on, checkTlsCa: at("pipe") })).toEqual([`checkTlsCa "pipe": ${why}`]);
    expect(complaints({ ...on, checkTlsCa: "/dev/zero" })).toEqual([
      `checkTlsCa "/dev/zero": ${why}`,
    ]);
  });

  test.skipIf(process.getuid?.() === 0)("a file that is not for us (not as root)", () => {
    chmodSync(at("text.pem"), 0);
    expect(complaints({ ...on, checkTlsCa: at("text.pem") })).toEqual([
      'checkTlsCa "text.pem": cannot be read: no permission',
    ]);
  });

  test("a path is told without what a terminal obeys", () => {
    const [sentence] = complaints({ ...on, checkTlsCa: "/no\x1b[31m/\u202efile" });
    expect(sentence).toMatch(/^[\x20-\x7e]+$/);
  });

  test("what cannot be together", () => {
    const cert = at("client.pem");
    const key = at("client.key");
    expect(complaints({ ...on, checkTlsVerify: "off", checkTlsCa: at("ca.pem") })).toEqual([
      "checkTlsCa contradicts checkTlsVerify off: leave one of them out",
    ]);
    expect(complaints({ ...on, checkTlsCert: cert })).toEqual(["checkTlsCert needs checkTlsKey"]);
    expect(complaints({ ...on, checkTlsKey: key })).toEqual(["checkTlsKey needs checkTlsCert"]);
    expect(complaints({ ...on, checkTlsCert: cert, checkTlsKey: at("server.key") })).toEqual([
      "checkTlsKey is not the key of checkTlsCert",
    ]);
  });

  test("TLS without a check", () => {
    const problems = new Problems();
    const source = readDocument({ checkTls: true }, "f.toml", {}, problems);
    expect(() => validate({}, source, problems.sentences)).toThrow("f.toml: checkTls needs check");
  });
});
