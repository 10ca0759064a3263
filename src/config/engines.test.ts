import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { server } from "../../test/fixtures/certificates.ts";
import { ConfigError } from "../base/error.ts";
import { readDocument } from "./document.ts";
import { Problems } from "./sourced.ts";
import { validate } from "./validate.ts";

let folder = "";
/** How a listener ends its clients' TLS. */
let tls = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-engines-"));
  tls = { tlsCert: join(folder, "server.pem"), tlsKey: join(folder, "server.key") };
  await writeFile(join(folder, "server.pem"), server.cert);
  await writeFile(join(folder, "server.key"), server.key, { mode: 0o600 });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** The engines that listeners ask for, or what is wrong. */
function enginesOf(settings: object): readonly string[] {
  const problems = new Problems();
  const source = readDocument({ upstream: "up:2", ...settings }, "f.toml", {}, problems);
  try {
    return validate({}, source, problems).listeners.map(({ engine }) => engine);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

test("what stands at the top is for every listener that says nothing else", () => {
  const listeners = [{ listen: ":1" }, { listen: ":2", engine: "sockets" }];
  expect(enginesOf({ listeners })).toEqual(["auto", "sockets"]);
  expect(enginesOf({ listeners, engine: "uring" })).toEqual(["uring", "sockets"]);
});

test("uring may be asked for at the top where some listeners have TLS, but not for these alone", () => {
  const [plain, secured] = [{ listen: ":1" }, { listen: ":2", ...tls }];
  expect(enginesOf({ listeners: [plain, secured], engine: "uring" })).toEqual(["uring", "uring"]);
  expect(enginesOf({ listeners: [plain, { ...secured, engine: "auto" }] })).toHaveLength(2);
  const why = "engine uring is not for a listener with TLS, which sockets carries: leave it out";
  expect(enginesOf({ listen: ":1", ...tls, engine: "uring" })).toEqual([`f.toml: ${why}`]);
  const own = [plain, { ...secured, engine: "uring" }];
  expect(enginesOf({ listeners: own })).toEqual([`f.toml: listeners[1].${why}`]);
  const upstreams = { listen: ":1", upstreamTls: true, engine: "uring" };
  expect(enginesOf(upstreams)).toEqual([`f.toml: ${why}`]);
});

test("settings of a ring are for somebody", () => {
  const uring = { entries: 64 };
  const listeners = [{ listen: ":1", engine: "sockets" }];
  const why =
    "uring.entries contradicts engine sockets, which has no io_uring: leave one of them out";
  expect(enginesOf({ listeners, uring })).toEqual([`f.toml: ${why}`]);
  expect(enginesOf({ listeners: [...listeners, { listen: ":2" }], uring })).toHaveLength(2);
});
