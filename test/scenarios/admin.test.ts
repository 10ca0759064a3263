import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorDocument, RelaysDocument, UpstreamsDocument } from "../../src/admin/api.ts";
import type { PlanDocument } from "../../src/admin/plan-document.ts";
import type { StateDocument } from "../../src/admin/state.ts";
import { CliProcess, PROGRAM, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// The admin API of a real program, asked by HTTP and by the commands that use it.

setDefaultTimeout(30_000);

const engines =
  process.platform === "linux" ? (["sockets", "uring"] as const) : (["sockets"] as const);
const TOKEN = "a-token-of-more-than-16";

let folder = "";
let upstream: Upstream;
let target = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-admin-"));
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  if (upstream.address.kind !== "tcp") throw new Error("it has a port");
  target = `127.0.0.1:${upstream.address.port}`;
});

afterAll(async () => {
  upstream.close();
  await rm(folder, { recursive: true });
});

/** The program with an admin server on a port of its own. */
class Program implements AsyncDisposable {
  private constructor(
    readonly process: CliProcess,
    readonly port: number,
    readonly base: string,
  ) {}

  static async start(...flags: string[]): Promise<Program> {
    const process = new CliProcess(["--admin", "127.0.0.1:0", "--stats", "none", ...flags]);
    const port = await process.port();
    const [, base = ""] = await process.logged(/admin page, API and metrics on (\S+)/);
    return new Program(process, port, base);
  }

  get admin(): string {
    return this.base.replace("http://", "");
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.base}${path}`);
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  }

  async send(method: string, path: string, body?: string): Promise<Response> {
    const sent = body === undefined ? {} : { body };
    return await fetch(`${this.base}${path}`, { method, headers: { "x-ringway": "1" }, ...sent });
  }

  async connect(): Promise<End> {
    const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port: this.port });
    end.offer({ seed: 1, total: 10 });
    await waitFor(() => end.receivedBytes === 10, "an echo");
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** A list is up to so old. */
const LIST_AGE_MS = 300;

describe.each(engines)("with engine %s", (engine) => {
  test.each(["upstreams", "accepting"])(
    "/readyz while no upstream can be had, with --ready-when %s",
    async (ready) => {
      const flags = ["--check", "tcp", "--ready-when", ready, "-e", engine];
      await using program = await Program.start("-l", "127.0.0.1:0", "-u", "127.0.0.1:1", ...flags);
      await program.process.logged(/upstream 127\.0\.0\.1:1 is down/);
      const answer = async () => {
        const response = await fetch(`${program.base}/readyz`);
        return `${response.status} ${(await response.text()).trim()}`;
      };
      if (ready === "accepting") expect(await answer()).toBe("200 ready");
      else {
        const lack = "503 not ready: no upstream of 127.0.0.1:0 takes relays";
        await waitFor(async () => (await answer()) === lack, "it says so");
      }
    },
  );

  test("a client that is held is waiting wherever relays are shown, and is told of", async () => {
    const flags = ["--hold-timeout", "3s", "--tries", "1", "-e", engine];
    await using program = await Program.start("-l", "127.0.0.1:0", "-u", "127.0.0.1:1", ...flags);
    using client = await Bun.connect({
      hostname: "127.0.0.1",
      port: program.port,
      socket: { data() {} },
    });
    expect(client.remotePort).toBe(program.port);
    const listed = () => program.get<RelaysDocument>("/api/relays");
    await waitFor(async () => (await listed()).relays[0]?.isWaiting === true, "it waits");
    const shown = ["relays", "top"].map((one) => runCli(one, "--admin", program.admin));
    for (const { out } of await Promise.all(shown)) expect(out).toMatch(/ waiting /);
    await program.process.logged(/: 1 client waits for room, or for an upstream to be back/);
    await program.process.logged(/: no client waits any more, after .*, 1 at most/);
    const { totals } = await program.get<StateDocument>("/api/state");
    expect(totals.relays.reasons).toEqual({ hold_timeout: 1 });
  });

  test("the state", async () => {
    await using program = await Program.start("-l", "127.0.0.1:0", "-u", target, "-e", engine);
    const end = await program.connect();
    const state = await program.get<StateDocument>("/api/state");
    expect(state).toMatchObject({
      status: "ready",
      pid: program.process.child.pid,
      engine: { name: engine, workers: 1 },
      drainTimeoutMs: 10_000,
      totals: { engine, relays: { accepted: 1, running: 1, ended: 0 }, up: { receivedBytes: 10 } },
    });
    expect(state.listeners).toEqual([
      {
        name: null,
        listen: "127.0.0.1:0",
        address: `127.0.0.1:${program.port}`,
        mode: "bidirectional",
        engine,
        upstreams: [target],
        upstreamInside: false,
        mirror: null,
        routes: [],
        connectTimeoutMs: 5_000,
        halfCloseTimeoutMs: 60_000,
        accepting: true,
      },
    ]);
    expect(state.process.residentBytes).toBeGreaterThan(1_000_000);
    expect(state.totals.ring === null).toBe(engine === "sockets");
    expect(state.latency).toEqual({ relays: 0, dialMs: null, firstByteMs: null });
    end.finish();
    const figures = { p50: expect.any(Number), p99: expect.any(Number) };
    const latencyNow = async () => (await program.get<StateDocument>("/api/state")).latency;
    let latency = await latencyNow();
    // The worker tells of ends a moment later.
    while (latency.relays === 0) latency = await latencyNow();
    expect(latency).toEqual({ relays: 1, dialMs: figures, firstByteMs: figures });
  });

  test("relays: listed, one by its number, cut", async () => {
    await using program = await Program.start("-l", "127.0.0.1:0", "-u", target, "-e", engine);
    const ends = [await program.connect(), await program.connect(), await program.connect()];
    const list = await program.get<RelaysDocument>("/api/relays?limit=2&sort=id&order=desc");
    expect(list).toMatchObject({ running: 3, matching: 3, relays: [{ id: 3 }, { id: 2 }] });
    expect(list.relays[0]).toMatchObject({ upstream: target, reason: null, dials: 1 });
    const none = await program.get<RelaysDocument>("/api/relays?filter=nothing");
    expect(none).toEqual({ running: 3, matching: 0, relays: [] });
    expect(await program.get("/api/relays/2")).toMatchObject({ id: 2, up: { receivedBytes: 10 } });

    const cut = await program.send("DELETE", "/api/relays/2");
    expect([cut.status, await cut.json()]).toEqual([200, { cut: 2 }]);
    await waitFor(() => ends[1]?.closed === true, "the client is cut");
    await program.process.logged(/admin API: relay 2 cut/);
    await Bun.sleep(LIST_AGE_MS);
    for (const response of [
      await program.send("DELETE", "/api/relays/2"),
      await program.send("GET", "/api/relays/2"),
      await program.send("DELETE", "/api/relays/999999999999999"),
    ]) {
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: expect.stringContaining("does not run") });
    }
    const state = await program.get<StateDocument>("/api/state");
    expect(state.totals.relays).toMatchObject({ running: 2, reasons: { admin: 1 } });
  });

  test("plan and reload", async () => {
    const path = join(folder, `${engine}.toml`);
    const text = (mode: string) => `listen = "127.0.0.1:0"\nupstream = "${target}"\n${mode}\n`;
    await writeFile(path, text(""));
    await using program = await Program.start("-c", path, "-e", engine);
    const plan = async (word: "plan" | "reload") => {
      const response = await program.send("POST", `/api/${word}`);
      return [response.status, await response.json()] as [number, PlanDocument];
    };
    expect(await plan("plan")).toMatchObject([200, { done: false, changes: false }]);
    await writeFile(path, text('mode = "oneway"\nworkers = 2'));
    const summary = "1 listener changed, 0 relays cut";
    const mode = { setting: "mode", before: "bidirectional", after: "oneway" };
    const workers = { setting: "workers", before: "1", after: "2" };
    const changed = [
      { before: { mode: "bidirectional" }, after: { mode: "oneway" }, settings: [mode] },
    ];
    const restart = { needRestart: ["workers"], settings: [workers] };
    const expected = { changes: true, summary, changed, ...restart };
    expect(await plan("plan")).toMatchObject([200, { done: false, ...expected }]);
    const told = await runCli("plan", "--admin", program.base.replace("http://", ""));
    expect(told).toEqual({
      code: 0,
      err: "",
      out: `${summary}
  ~ 127.0.0.1:0 → ${target} (oneway)
      mode: bidirectional → oneway
  ~ workers: 1 → 2
  ! workers: a restart changes that, a reload does not
`,
    });
    const before = await program.get<StateDocument>("/api/state");
    expect(before.listeners).toMatchObject([{ mode: "bidirectional" }]);
    expect(await plan("reload")).toMatchObject([200, { done: true, ...expected }]);
    await program.process.logged(/admin API: 1 listener changed, 0 relays cut/);
    const after = await program.get<StateDocument>("/api/state");
    expect(after.listeners).toMatchObject([{ mode: "oneway" }]);

    await writeFile(path, 'mode = "both"\nupsteam = "x"\n');
    for (const word of ["plan", "reload"] as const) {
      const [status, document] = (await plan(word)) as [number, unknown];
      expect(status).toBe(422);
      expect(document).toMatchObject({
        error: "the settings are wrong: the new configuration is not applied, the old one stays",
        problems: [expect.stringContaining('mode "both"'), expect.stringContaining("upsteam")],
      });
    }
    await writeFile(path, `listen = "${target}"\nupstream = "127.0.0.1:1"\n`);
    expect(await plan("plan")).toMatchObject([200, { changes: true }]);
    expect(await plan("reload")).toMatchObject([
      409,
      { problems: [`cannot listen on ${target}: the port is in use already`] },
    ]);
  });

  test("drain: answered, told, done", async () => {
    await using program = await Program.start("-l", "127.0.0.1:0", "-u", target, "-e", engine);
    const end = await program.connect();
    end.offer({ seed: 2, total: 1 });
    const response = await program.send("POST", "/api/drain");
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({
      status: "draining",
      running: 1,
      drainTimeoutMs: 10_000,
    });
    await program.process.logged(/stopping: admin API, waiting up to \S+ for 1 relay/);
    expect((await fetch(`${program.base}/readyz`)).status).toBe(503);
    expect((await program.send("POST", "/api/reload")).status).toBe(409);
    expect((await program.send("POST", "/api/drain")).status).toBe(202);
    end.finish();
    const { code, err } = await program.process.finished();
    expect(code).toBe(0);
    expect(err).toContain("stopped");
  });
});

describe("what is asked of upstreams and listeners", () => {
  let program: Program;
  let first: UpstreamsDocument;
  /** A listener without a name, so that its address is what it is called. */
  let socket = "";

  beforeAll(async () => {
    const path = join(folder, "upstreams.toml");
    socket = `unix:${folder}/a 1%.sock`;
    const main = `[[listeners]]\nlisten = "${socket}"\n`;
    const other = `[[listeners]]\nname = "other"\nlisten = "127.0.0.1:0"\n`;
    const to = `upstreams = ["${target}", "127.0.0.1:1"]\n`;
    await writeFile(path, `${other}${to}${main}${to}`);
    program = await Program.start("-c", path, "-e", "sockets");
    first = await program.get<UpstreamsDocument>("/api/upstreams");
  });

  afterAll(async () => {
    await program[Symbol.asyncDispose]();
  });

  /** All of them, without what time changes. */
  async function standing(): Promise<object[]> {
    const { upstreams } = await program.get<UpstreamsDocument>("/api/upstreams");
    return upstreams.map(({ healthForMs, ...rest }) => rest);
  }

  test("each is there with its listener, by its number, and in the state", async () => {
    expect(first.upstreams.map(({ listener, upstream }) => [listener, upstream])).toEqual([
      ["other", target],
      ["other", "127.0.0.1:1"],
      [socket, target],
      [socket, "127.0.0.1:1"],
    ]);
    const [{ id } = { id: -1 }] = first.upstreams;
    expect(await program.get(`/api/upstreams/${id}`)).toMatchObject({ id, state: "ready" });
    const state = await program.get<StateDocument>("/api/state");
    expect(state.upstreams).toMatchObject(await standing());
  });

  test.each([
    ["no JSON", "state=drain", "the body is no JSON"],
    ["half of it", '{"state": "drain"', "the body is no JSON"],
    ["nothing", "", "expected an object with state, weight or within"],
    ["null", "null", "expected an object with state, weight or within"],
    ["a list", '["drain"]', "expected an object with state, weight or within"],
    ["a text", '"drain"', "expected an object with state, weight or within"],
    ["a number", "7", "expected an object with state, weight or within"],
    ["an unknown state", '{"state": "off"}', 'state "off": expected ready, drain or maintenance'],
    ["a state that is a list", '{"state": ["drain"]}', "state a list: expected ready, drain or"],
    ["a state that is null", '{"state": null}', "state null: expected ready, drain or maintenance"],
    ["an unknown key", '{"State": "drain"}', '"State": expected state, weight or within'],
    ["a prototype", '{"__proto__": {"state": "drain"}}', '"__proto__": expected state, weight or'],
    ["a function's name", '{"toString": 1}', '"toString": expected state, weight or within'],
    [
      "a negative weight",
      '{"weight": -1}',
      "weight -1: expected a whole number of 0…256 or configured",
    ],
    ["a huge weight", '{"weight": 1e300}', "weight 1e+300: expected a whole number of 0…256"],
    ["a weight beyond", '{"weight": 257}', "weight 257: expected a whole number of 0…256"],
    [
      "another word",
      '{"weight": "null"}',
      'weight "null": expected a whole number of 0…256 or conf',
    ],
    ["half a weight", '{"weight": 0.5}', "weight 0.5: expected a whole number of 0…256"],
    ["a weight that is true", '{"weight": true}', "weight true: expected a number or text"],
    ["a weight that is a table", '{"weight": {}}', "weight a table: expected a number or text"],
    ["a negative time", '{"state": "drain", "within": -1}', "within -1: expected a duration"],
    ["a long time", '{"state": "drain", "within": "25h"}', "expected a duration of 0…24h"],
    ["a time alone", '{"within": 1}', "within: expected with state drain or maintenance"],
    ["a time for ready", '{"state": "ready", "within": 1}', "within: expected with state drain"],
    ["right and wrong", '{"weight": 9, "state": "gone"}', 'state "gone": expected ready'],
  ])("a body that is wrong changes nothing: %s", async (_, body, sentence) => {
    const before = await standing();
    const { id } = first.upstreams[0] ?? { id: -1 };
    const response = await program.send("POST", `/api/upstreams/${id}`, body);
    expect(response.status).toBe(400);
    const { error, problems = [] } = (await response.json()) as ErrorDocument;
    expect([error, ...problems].join("\n")).toContain(sentence);
    expect(await standing()).toEqual(before);
  });

  test("all that is wrong is told at once", async () => {
    const body = '{"state": 1, "weight": -1, "within": "x", "y": 0}';
    const response = await program.send("POST", "/api/upstreams/0", body);
    expect(((await response.json()) as ErrorDocument).problems).toHaveLength(4);
  });

  test("a body that is too long, though nothing says so before it", async () => {
    const { id } = first.upstreams[0] ?? { id: -1 };
    const more = "X-Ringway: 1\r\nTransfer-Encoding: chunked\r\n";
    const head = `POST /api/upstreams/${id} HTTP/1.1\r\nHost: ${program.admin}\r\n${more}`;
    const body = `${(70_000).toString(16)}\r\n${"a".repeat(70_000)}\r\n0\r\n\r\n`;
    expect(await exchange(program, head, body)).toStartWith("HTTP/1.1 413 ");
  });

  test.each(["/api/upstreams/4095", "/api/upstreams/9999"])("%s is not there", async (path) => {
    for (const response of [
      await program.send("GET", path),
      await program.send("POST", path, '{"state": "drain"}'),
    ]) {
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: expect.stringContaining("no upstream") });
    }
  });

  test.each([
    ["GET", "/api/upstreams/-1", 404],
    ["POST", "/api/upstreams/1e0", 404],
    ["POST", "/api/upstreams/99999", 404],
    ["POST", "/api/upstreams/0/", 404],
    ["POST", "/api/upstreams/%30", 404],
    ["POST", "/api/upstreams", 405],
    ["PUT", "/api/upstreams/0", 405],
    ["DELETE", "/api/upstreams/0", 405],
    ["GET", "/api/listeners/other/drain", 405],
    ["POST", "/api/listeners/drain", 404],
    ["POST", "/api/listeners//drain", 404],
    ["POST", "/api/listeners/nobody/drain", 404],
    ["POST", "/api/listeners/unix:/tmp/a%201%25.sock/drain", 404],
    ["POST", "/api/listeners/other%2/drain", 404],
    ["POST", "/api/listeners/%ff/drain", 404],
    ["POST", "/api/listeners/%00/drain", 404],
  ])("%s %s changes nothing: %d", async (method, path, status) => {
    const before = await standing();
    const body = method === "GET" ? undefined : '{"state": "drain"}';
    expect((await program.send(method, path, body)).status).toBe(status);
    expect(await standing()).toEqual(before);
    const { listeners } = await program.get<StateDocument>("/api/state");
    expect(listeners.map(({ accepting }) => accepting)).toEqual([true, true]);
  });

  test("without what no form can send nothing changes, nor does a query", async () => {
    const before = await standing();
    const form = { method: "POST", body: '{"state": "drain"}' };
    for (const path of ["/api/upstreams/0", "/api/listeners/other/drain"]) {
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
      ]) {
        const headers = { "content-type": type };
        expect((await fetch(`${program.base}${path}`, { ...form, headers })).status).toBe(415);
      }
      const headers = { "x-ringway": "1", origin: "http://evil.example" };
      expect((await fetch(`${program.base}${path}`, { ...form, headers })).status).toBe(403);
    }
    await program.get("/api/upstreams/0?state=drain&weight=7");
    expect(await standing()).toEqual(before);
    const { listeners } = await program.get<StateDocument>("/api/state");
    expect(listeners.map(({ accepting }) => accepting)).toEqual([true, true]);
  });

  test("one may be asked for by its address, with its listener where several have it", async () => {
    const path = (text: string) => `/api/upstreams/${encodeURIComponent(text)}`;
    const [, , third, fourth] = first.upstreams;
    expect(await program.get(path(`${socket}/${target}`))).toMatchObject({ id: third?.id });
    const change = await program.send("POST", path(`${socket}/127.0.0.1:1`), '{"weight": 3}');
    expect(await change.json()).toMatchObject({ id: fourth?.id, weight: 3 });
    await program.send("POST", path(`${socket}/127.0.0.1:1`), '{"weight": null}');
    for (const method of ["GET", "POST"]) {
      const several = await program.send(method, path(target), method === "GET" ? undefined : "{}");
      expect(several.status).toBe(400);
      expect(await several.json()).toEqual({
        error: "that cannot be asked for",
        problems: [`several upstreams are ${target}: other/${target}, ${socket}/${target}`],
      });
    }
    const none = await program.send("GET", path("other/10.0.0.1:1"));
    expect([none.status, await none.json()]).toEqual([
      404,
      { error: "there is no upstream other/10.0.0.1:1" },
    ]);
  });

  test("a body that is right does what it says, told in the log", async () => {
    const change = async (body: string) => {
      const response = await program.send("POST", "/api/upstreams/1", body);
      expect(response.status).toBe(200);
      return (await response.json()) as object;
    };
    expect(await change('{"state": "drain", "weight": 7, "within": "1s"}')).toMatchObject({
      id: 1,
      state: "drain",
      weight: 7,
      isOpen: false,
    });
    await program.process.logged(/other: upstream 127\.0\.0\.1:1 set to drain, weight 7/);
    expect(await change("{}")).toMatchObject({ state: "drain", weight: 7 });
    expect(await change('{"weight": "0"}')).toMatchObject({ state: "drain", weight: 0 });
    expect(await change('{"weight": null, "state": "ready"}')).toMatchObject({
      state: "ready",
      weight: 1,
      isOpen: true,
    });
  });

  test("a listener drains by its name, in any encoding of it, once", async () => {
    const path = `/api/listeners/${encodeURIComponent(socket)}/drain`;
    const response = await program.send("POST", path);
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ listener: socket, drainTimeoutMs: 10_000 });
    expect((await program.send("POST", path)).status).toBe(404);
    const { listeners, status } = await program.get<StateDocument>("/api/state");
    expect(status).toBe("ready");
    expect(listeners.map(({ accepting }) => accepting)).toEqual([true, false]);
    expect((await program.send("POST", "/api/listeners/%6fther/drain")).status).toBe(202);
  });
});

describe("what there is not", () => {
  let program: Program;

  beforeAll(async () => {
    program = await Program.start("-l", "127.0.0.1:0", "--mode", "sink", "-e", "sockets");
  });

  afterAll(async () => {
    await program[Symbol.asyncDispose]();
  });

  test.each(["/nothing", "/api", "/api/", "/api/relays/", "/api/relays/x", "/api/relays/-1"])(
    "%s is 404, in JSON",
    async (path) => {
      const response = await fetch(`${program.base}${path}`);
      expect(response.status).toBe(404);
      expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(await response.json()).toEqual({ error: expect.any(String) });
    },
  );

  test.each([
    ["POST", "/api/state", "GET, HEAD"],
    ["POST", "/api/relays", "GET, HEAD"],
    ["PUT", "/api/relays/1", "GET, HEAD, DELETE"],
    ["GET", "/api/plan", "POST"],
    ["GET", "/api/reload", "POST"],
    ["HEAD", "/api/drain", "POST"],
    ["DELETE", "/", "GET, HEAD"],
    ["POST", "/healthz", "GET, HEAD"],
  ])("%s %s is 405: no state changes by GET", async (method, path, allow) => {
    const response = await program.send(method, path);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });

  test("a query that is wrong is 400, with all that is wrong", async () => {
    const response = await fetch(`${program.base}/api/relays?limit=0&sort=x`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      problems: [
        'limit "0": expected a whole number of 1…1,000',
        'sort "x": expected id, duration, bytes or client',
      ],
    });
  });

  test("every answer has the headers that keep other sites out", async () => {
    for (const path of ["/", "/page/main.ts", "/api/state", "/healthz", "/nothing"]) {
      const { headers } = await fetch(`${program.base}${path}`);
      expect(headers.get("content-security-policy")).toStartWith("default-src 'self'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("a preflight gets nothing", async () => {
    const headers = { origin: "http://evil.example", "access-control-request-method": "POST" };
    const response = await fetch(`${program.base}/api/drain`, { method: "OPTIONS", headers });
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("somebody else's Host, as after a DNS rebinding", async () => {
    const text = await exchange(program, "GET /api/state HTTP/1.1\r\nHost: evil.example\r\n");
    expect(text).toStartWith("HTTP/1.1 403 ");
    expect(text).not.toContain("totals");
  });

  test("a plain form cannot drain it", async () => {
    const body = "a=b";
    const type = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n";
    const head = `POST /api/drain HTTP/1.1\r\nHost: ${program.admin}\r\n${type}`;
    expect(await exchange(program, head, body)).toStartWith("HTTP/1.1 415 ");
    expect(await program.get<StateDocument>("/api/state")).toMatchObject({ status: "ready" });
  });

  test("a huge body, a huge address, and no HTTP at all", async () => {
    const long = `X-Ringway: 1\r\nContent-Length: 1000000000\r\n`;
    const head = `POST /api/plan HTTP/1.1\r\nHost: ${program.admin}\r\n${long}`;
    expect(await exchange(program, head, "a".repeat(70_000))).toStartWith("HTTP/1.1 413 ");
    const huge = `GET /${"a".repeat(1_000_000)} HTTP/1.1\r\nHost: ${program.admin}\r\n`;
    expect(await exchange(program, huge)).not.toStartWith("HTTP/1.1 2");
    expect(await exchange(program, "\x16\x03\x01\x02\0\x01\0\x01")).not.toStartWith("HTTP/1.1 2");
    expect(await program.get<StateDocument>("/api/state")).toMatchObject({ status: "ready" });
  });
});

describe("the token", () => {
  test("is wanted of all but the probes and the empty page", async () => {
    await using program = await Program.start("--mode", "sink", "-l", ":0", "--admin-token", TOKEN);
    for (const path of ["/healthz", "/readyz", "/", "/page/main.ts", "/page/uplot.js"]) {
      expect((await fetch(`${program.base}${path}`)).status).toBe(200);
    }
    for (const path of ["/api/state", "/api/relays", "/nothing", "/metrics"]) {
      const response = await fetch(`${program.base}${path}`);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe('Bearer realm="ringway"');
    }
    const authorization = `Bearer ${TOKEN}`;
    const state = await fetch(`${program.base}/api/state`, { headers: { authorization } });
    expect(state.status).toBe(200);
    const wrong = await runCli("relays", "--admin", program.admin);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("--admin-token") });
    const flags = ["--admin", program.admin, "--admin-token", TOKEN];
    expect(await runCli("relays", ...flags)).toMatchObject({ code: 0, out: "0 running\n" });
    const command = [...PROGRAM, "relays", "--admin", program.admin];
    const env = { ...Bun.env, RINGWAY_ADMIN_TOKEN: TOKEN };
    const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    expect(await child.stdout.text()).toBe("0 running\n");
  });

  test("is not to be left out where others reach the server", async () => {
    const { code, err } = await runCli("--admin", "0.0.0.0:0");
    expect(code).toBe(2);
    expect(err).toContain("expected adminToken (--admin-token) as well");
  });
});

describe("a start and a reload", () => {
  test("a port that is taken is told, and nothing is started", async () => {
    const { code, out, err } = await runCli("-l", "127.0.0.1:0", "--admin", target);
    const why = `the admin server cannot listen on ${target}: the port is in use already`;
    expect({ code, out, err }).toEqual({ code: 1, out: "", err: `ringway: ${why}\n` });
  });

  test("what probes see: a Host that is the address of the machine, and no token", async () => {
    const flags = ["-m", "sink", "-l", "127.0.0.1:0", "--admin", "0.0.0.0:0"];
    await using process = new CliProcess([...flags, "--admin-token", TOKEN]);
    const [, port = ""] = await process.logged(
      /admin page, API and metrics on http:\/\/0\.0\.0\.0:(\d+)/,
    );
    const get = async (host: string, path: string) => {
      const headers = { host };
      return (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status;
    };
    expect(await get(`10.1.2.3:${port}`, "/readyz")).toBe(200);
    expect(await get(`10.1.2.3:${port}`, "/api/state")).toBe(401);
    expect(await get(`evil.example:${port}`, "/readyz")).toBe(200);
    expect(await get(`evil.example:${port}`, "/api/state")).toBe(403);
  });

  test("another admin address needs a restart, which is told", async () => {
    const path = join(folder, "restart.toml");
    const text = (admin: string) => `listen = "127.0.0.1:0"\nmode = "sink"\nadmin = "${admin}"\n`;
    await writeFile(path, text("127.0.0.1:0"));
    await using process = new CliProcess(["-c", path]);
    const [, base = ""] = await process.logged(/admin page, API and metrics on (\S+)/);
    await writeFile(path, text("localhost:1"));
    const reload = { method: "POST", headers: { "content-type": "application/json" } };
    const response = await fetch(`${base}/api/reload`, reload);
    expect(await response.json()).toMatchObject({
      changes: false,
      needRestart: ["admin"],
      settings: [{ setting: "admin", before: "127.0.0.1:0", after: "localhost:1" }],
    });
    await process.logged(/admin: a restart changes that, a reload does not/);
  });
});

describe("on a unix socket", () => {
  test("everything is as on a port, and the path goes with it", async () => {
    const path = join(folder, "admin.sock");
    await using process = new CliProcess(["-l", "127.0.0.1:0", "--admin", `unix:${path}`]);
    await process.logged(/admin page, API and metrics on unix:/);
    const state = await fetch("http://localhost/api/state", { unix: path });
    expect(state.status).toBe(200);
    expect(await runCli("drain", "--admin", `unix:${path}`)).toEqual({
      code: 0,
      out: "draining: no relays running\n",
      err: "",
    });
    expect((await process.finished()).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test("a file that is there is left alone", async () => {
    const path = join(folder, "precious");
    await writeFile(path, "precious");
    const { code, err } = await runCli("-l", "127.0.0.1:0", "--admin", `unix:${path}`);
    expect(code).toBe(1);
    expect(err).toContain("the path exists or is in use already");
    expect(await Bun.file(path).text()).toBe("precious");
  });
});

describe("the commands", () => {
  test("relays, plan and reload, for a person and for a program", async () => {
    const path = join(folder, "commands.toml");
    await writeFile(path, `listen = "127.0.0.1:0"\nupstream = "${target}"\n`);
    await using program = await Program.start("-c", path);
    await program.connect();
    const at = ["--admin", program.admin];
    const { code, out } = await runCli("relays", ...at, "--sort", "bytes");
    expect(code).toBe(0);
    expect(out).toMatch(
      /^1 running\nrelay +client +upstream +runs for +up +down\n1 +127\.0\.0\.1:\d+/,
    );
    const listed = await runCli("relays", ...at, "--json", "--filter", "nothing");
    expect(JSON.parse(listed.out)).toEqual({ running: 1, matching: 0, relays: [] });
    expect(await runCli("plan", ...at)).toMatchObject({ code: 0, out: "nothing changes\n" });
    await writeFile(path, `listen = "127.0.0.1:0"\nupstream = "127.0.0.1:1"\n`);
    const text = expect.stringContaining("\n  ~ 127.0.0.1:0 → 127.0.0.1:1\n");
    expect(await runCli("plan", ...at)).toMatchObject({ code: 0, out: text });
    expect(await runCli("reload", ...at)).toMatchObject({ code: 0, out: text });
    const again = await runCli("plan", ...at, "--json");
    expect(JSON.parse(again.out)).toMatchObject({ changes: false, done: false });
    await writeFile(path, `mode = 1\nworkers = 0\n`);
    const wrong = await runCli("reload", ...at);
    expect(wrong.code).toBe(2);
    expect(wrong.err.trim().split("\n")).toHaveLength(2);
  });

  test("upstreams and drain of one listener, for a person and for a program", async () => {
    const path = join(folder, "balanced.toml");
    const listener = (name: string) =>
      `[[listeners]]\nname = "${name}"\nlisten = "127.0.0.1:0"\nupstreams = "${target}"\n`;
    await writeFile(path, `${listener("main")}${listener("spare")}`);
    await using program = await Program.start("-c", path);
    const end = await program.connect();
    const at = ["--admin", program.admin];
    const { code, out } = await runCli("upstreams", ...at);
    expect(code).toBe(0);
    expect(out).toMatch(/^id +listener +upstream +state +weight +running +health\n/);
    expect(out).toMatch(/\n 0 +main +127\.0\.0\.1:\d+ +ready +1 +1 +unchecked for /);
    const listed = await runCli("upstreams", ...at, "--json");
    expect(JSON.parse(listed.out)).toMatchObject({ upstreams: [{ id: 0 }, { id: 1 }] });

    const set = ["upstreams", ...at, "--set"];
    const changed = await runCli(...set, "1", "--state", "maintenance", "--weight", "7");
    expect(changed).toMatchObject({ code: 0, err: "" });
    expect(changed.out).toMatch(/\n 1 +spare +127\.0\.0\.1:\d+ +maintenance +7 /);
    const back = await runCli(...set, "1", "--weight", "configured", "--state", "ready", "--json");
    expect(JSON.parse(back.out)).toMatchObject({ id: 1, weight: 1, state: "ready" });
    const named = await runCli(...set, `spare/${target}`, "--weight", "3", "--json");
    expect(JSON.parse(named.out)).toMatchObject({ id: 1, weight: 3 });
    expect((await runCli(...set, "0", "--state", "drain", "--within", "0s")).code).toBe(0);
    await waitFor(() => end.closed, "its relays end");

    for (const [flags, wrong, sentence] of [
      [["--set", "77", "--state", "drain"], 1, "there is no upstream 77"],
      [["--set", "1", "--state", "off"], 2, 'state "off": expected ready, drain or maintenance'],
      [
        ["--set", "1", "--weight", "null"],
        2,
        'weight "null": expected a whole number of 0…256 or configured',
      ],
      [["--set", "1", "--within", "1s"], 2, "within: expected with state drain or maintenance"],
      [
        ["--set", target, "--weight", "1"],
        2,
        `several upstreams are ${target}: main/${target}, spare/${target}`,
      ],
      [["--set", "main/x:1", "--weight", "1"], 1, "there is no upstream main/x:1"],
      [["--set", "1"], 2, "--set needs to know what is wanted: --state, --weight or --within"],
      [["--weight", "1"], 2, "--weight needs to know which upstream: --set WHICH"],
    ] as const) {
      expect(await runCli("upstreams", ...at, ...flags)).toEqual({
        code: wrong,
        out: "",
        err: `ringway: ${sentence}\n`,
      });
    }
    const drained = await runCli("drain", ...at, "--listener", "spare");
    expect(drained).toEqual({ code: 0, out: "draining spare: up to 10s\n", err: "" });
    expect(await runCli("drain", ...at, "--listener", "spare")).toEqual({
      code: 1,
      out: "",
      err: "ringway: there is no listener of this name or address that accepts\n",
    });
    expect(await program.get<StateDocument>("/api/state")).toMatchObject({ status: "ready" });
    const again = "1 listener opened again, 0 relays cut\n  ^ spare: 127.0.0.1:0 → ";
    for (const command of ["plan", "reload"]) {
      expect((await runCli(command, ...at)).out).toStartWith(again);
    }
    expect((await runCli("plan", ...at)).out).toBe("nothing changes\n");
  });

  test("nobody there, something else there, and lines that are wrong", async () => {
    const nobody = await runCli("relays", "--admin", "127.0.0.1:1");
    expect(nobody).toMatchObject({ code: 1, out: "" });
    expect(nobody.err).toContain("no proxy answers on 127.0.0.1:1");
    const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    const strange = await runCli("drain", "--admin", `127.0.0.1:${other.port}`);
    await other.stop(true);
    expect(strange).toMatchObject({ code: 1, err: expect.stringContaining("is no admin API") });
    expect(await runCli("reload")).toMatchObject({
      code: 2,
      err: "ringway: reload needs to know which proxy: --admin ADDR\n",
    });
    expect((await runCli("plan", "--admin", "9600")).code).toBe(2);
    expect((await runCli("drain", "--admin", "localhost:1", "--force")).code).toBe(2);
    for (const command of ["relays", "upstreams", "plan", "reload", "drain"]) {
      const help = await runCli(command, "--help");
      expect(help).toMatchObject({ code: 0, err: "" });
      expect(help.out).toContain("--admin ADDR");
      expect(help.out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }
  });
});

/** What comes back for these bytes, until the server closes. */
function exchange({ base }: Program, head: string, body = ""): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve) => {
    let received = "";
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write(`${head}Connection: close\r\n\r\n${body}`);
    });
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      received += chunk.toString();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}
