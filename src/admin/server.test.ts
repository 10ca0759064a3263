import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../test/fixtures/wait.ts";
import type { Address } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { ListenError } from "../engine/listen-error.ts";
import { json } from "./answer.ts";
import { metricsRoute } from "./metrics.ts";
import { isProbe, probesRoute, type Readiness } from "./probes.ts";
import { type AdminServer, type Answers, startServer } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-admin-"));
const path = join(folder, "admin.sock");
const loopback: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
const ready: Readiness = { isReady: true, word: "ready" };
let readiness = ready;
let isBroken = false;
const failures: unknown[] = [];
const answers: Answers = {
  routes: [
    probesRoute(async () => readiness),
    async (asked) => (asked.path === "/json" ? json(200, (await asked.json()) as object) : null),
    metricsRoute(async () => {
      if (isBroken) throw new Error("no answer");
      if (readiness.word === "starting") return null;
      return { text: "a 1\n", contentType: "text/plain; version=0.0.4" };
    }),
  ],
  isOpen: isProbe,
  failed: (error) => failures.push(error),
  warned: (sentence) => failures.push(sentence),
};
const start = (address: Address, idleSeconds?: number) =>
  startServer(
    {
      address,
      token: null,
      readToken: null,
      readyWhen: "accepting",
      unix: listenerDefaults.unix,
    },
    answers,
    idleSeconds,
  );
let server: AdminServer;
let port = 0;

beforeAll(async () => {
  server = await start(loopback);
  port = server.address.kind === "tcp" ? server.address.port : 0;
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function portOf({ address }: AdminServer): number {
  return address.kind === "tcp" ? address.port : 0;
}

/** Everything that comes back for these bytes, until the server closes. */
function exchange(bytes: string, where: { port: number } | { path: string } = { port }) {
  return "path" in where ? exchangeOutside(bytes, where.path) : exchangeHere(bytes, where);
}

/** The same from another process: this one does not get in by the unix socket that it listens on. */
async function exchangeOutside(bytes: string, path: string): Promise<string> {
  const program = `
    const [path, bytes] = JSON.parse(process.argv.at(-1));
    const socket = require("node:net").connect(path, () => socket.write(bytes));
    socket.on("data", (chunk) => process.stdout.write(chunk));
    socket.on("error", () => {});`;
  const words = [process.execPath, "-e", program, JSON.stringify([path, bytes])];
  return await Bun.spawn(words, { stderr: "inherit" }).stdout.text();
}

function exchangeHere(bytes: string, where: { port: number } | { path: string }) {
  return new Promise<string>((resolve) => {
    let received = "";
    const socket: Socket = connect({ host: "127.0.0.1", ...where }, () => socket.write(bytes));
    socket.on("data", (chunk) => {
      received += chunk.toString();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}

/** A plain request. */
function request(target: string, host: string | null = `127.0.0.1:${port}`, method = "GET") {
  const line = host === null ? "" : `Host: ${host}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\n${line}X-Ringway: 1\r\n`;
  return exchange(`${head}Connection: close\r\n\r\n`);
}

function statusOf(response: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(response)?.[1] ?? 0);
}

describe("what there is", () => {
  test("/metrics", async () => {
    const response = await request("/metrics?any=thing");
    expect(statusOf(response)).toBe(200);
    expect(response).toMatch(/\r\ncontent-type: text\/plain; version=0\.0\.4\r\n/i);
    expect(response).toMatch(/\r\ncache-control: no-store\r\n/i);
    expect(response).toEndWith("\r\n\r\na 1\n");
  });

  test("/healthz", async () => {
    expect(await request("/healthz")).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nok\n$/);
  });

  test("/readyz tells how the proxy stands", async () => {
    expect(await request("/readyz")).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nready\n$/);
    readiness = { isReady: false, word: "draining" };
    expect(await request("/readyz")).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\n\r\ndraining\n$/);
    expect(statusOf(await request("/healthz"))).toBe(200);
    readiness = ready;
  });

  test("HEAD is GET without a body", async () => {
    expect(await request("/metrics", undefined, "HEAD")).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/,
    );
  });

  test("before there are metrics it says so", async () => {
    readiness = { isReady: false, word: "starting" };
    expect(await request("/metrics")).toMatch(/^HTTP\/1\.1 503 [\s\S]*the proxy is starting"}\n$/);
    readiness = ready;
  });

  test("an answer that cannot be made is told", async () => {
    isBroken = true;
    expect(statusOf(await request("/metrics"))).toBe(500);
    isBroken = false;
    expect(failures).toEqual([new Error("no answer")]);
  });
});

describe("what there is not", () => {
  test.each(["/", "/metrics/", "/Metrics", "/../metrics/x", "//metrics", "/%6detrics", "/admin"])(
    "%s is 404",
    async (target) => {
      expect(statusOf(await request(target))).toBe(404);
    },
  );

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("%s is 405", async (method) => {
    const response = await request("/metrics", undefined, method);
    expect(statusOf(response)).toBe(405);
    expect(response).toMatch(/\r\nallow: GET, HEAD\r\n/i);
  });
});

describe("the Host header", () => {
  test.each(["localhost", "localhost:1", "LOCALHOST", "127.0.0.1", "127.0.0.1:80", "[::1]:9"])(
    "%s is this machine",
    async (host) => {
      expect(statusOf(await request("/metrics", host))).toBe(200);
    },
  );

  test.each([
    "evil.example",
    "evil.example:9600",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "[::2]",
    "[::1].evil.example",
    "127.0.0.1@evil.example",
    "127.0.0.1:80:80",
    "localhost:x",
  ])("%s is somebody else", async (host) => {
    const response = await request("/metrics", host);
    expect([400, 403]).toContain(statusOf(response));
    expect(response).not.toContain("a 1\n");
  });

  test("a request of old without one is answered", async () => {
    expect(statusOf(await exchange("GET /healthz HTTP/1.0\r\n\r\n"))).toBe(200);
  });
});

describe("what is meant to hurt", () => {
  test("a huge path", async () => {
    const status = statusOf(await request(`/${"a".repeat(1_000_000)}`));
    expect([404, 414, 431, 400, 0]).toContain(status);
    expect(statusOf(await request("/healthz"))).toBe(200);
  });

  test("a huge body", async () => {
    const head = `POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n`;
    const status = statusOf(await exchange(`${head}${"a".repeat(100_000)}`));
    expect([405, 413, 415]).toContain(status);
  });

  test("no HTTP at all", async () => {
    expect([0, 400]).toContain(statusOf(await exchange("\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n")));
  });

  test("many connections that say nothing, and half a request", async () => {
    const silent = Array.from({ length: 200 }, () => connect({ host: "127.0.0.1", port }));
    for (const socket of silent) socket.on("error", () => {});
    silent[0]?.write("GET /metr");
    expect(statusOf(await request("/healthz"))).toBe(200);
    for (const socket of silent) socket.destroy();
  });
});

test("nobody waits for ever for half a request, or for a client that says nothing", async () => {
  const wait = async (address: Address) => {
    const hasty = await start(address, 1);
    const at = hasty.address.kind === "tcp" ? { port: hasty.address.port } : { path };
    const body =
      "POST /metrics HTTP/1.1\r\nHost: localhost\r\nX-Ringway: 1\r\nContent-Length: 9\r\n\r\n1";
    await Promise.all([exchange("GET /metr", at), exchange("", at), exchange(body, at)]);
    await hasty.stop();
  };
  await Promise.all([wait(loopback), wait({ kind: "unix", path: `${path}.2` })]);
}, 30_000);

test("a byte now and then is no request", async () => {
  const hasty = await start(loopback, 1);
  const socket = connect({ host: "127.0.0.1", port: portOf(hasty) });
  socket.on("error", () => {});
  const dribble = setInterval(() => socket.write("a"), 100);
  await new Promise((resolve) => socket.on("close", resolve));
  clearInterval(dribble);
  await hasty.stop();
}, 30_000);

test("beyond its number of connections the oldest one without a request goes", async () => {
  const other = await start(loopback);
  const at = { host: "127.0.0.1", port: portOf(other) };
  const text = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const asked = connect(at, () => asked.write(text));
  await new Promise((resolve) => asked.once("data", resolve));
  let gone = 0;
  const silent: Socket[] = [];
  for (let i = 0; i < 150; i++) {
    const socket = connect(at);
    silent.push(socket);
    socket.on("error", () => {});
    socket.on("close", () => gone++);
    await new Promise<void>((resolve) => {
      socket.once("connect", () => resolve());
      socket.once("close", () => resolve());
    });
  }
  await waitFor(() => gone >= 150 - 64, "the oldest ones go");
  expect(silent.slice(0, 80).every(({ destroyed }) => destroyed)).toBe(true);
  expect(silent.slice(-60).some(({ destroyed }) => destroyed)).toBe(false);
  // Who has asked before may ask again.
  const again = new Promise((resolve) => asked.once("data", resolve));
  asked.write(text);
  await again;
  for (const socket of [asked, ...silent]) socket.destroy();
  await other.stop();
});

test("a crowd that comes again and again pushes nobody out who asks", async () => {
  const other = await start(loopback);
  const at = { host: "127.0.0.1", port: portOf(other) };
  const crowd = new Set<Socket>();
  let isOver = false;
  const come = () => {
    if (isOver) return;
    const socket = connect(at);
    crowd.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      crowd.delete(socket);
      setImmediate(come);
    });
  };
  for (let i = 0; i < 200; i++) come();
  await waitFor(() => crowd.size === 200, "they are there");
  const url = `http://127.0.0.1:${at.port}/healthz`;
  for (let asked = 0; asked < 4; asked++) {
    const headers = { connection: "close" };
    expect((await fetch(url, { headers, keepalive: false })).status).toBe(200);
  }
  isOver = true;
  for (const socket of crowd) socket.destroy();
  await other.stop();
}, 20_000);

test("a body that is too long is refused, however it is sent", async () => {
  const head = "POST /json HTTP/1.1\r\nHost: localhost\r\nX-Ringway: 1\r\n";
  const long = "a".repeat(70_000);
  const chunk = `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`;
  const chunked = await exchange(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
  expect(statusOf(chunked)).toBe(413);
  expect(statusOf(await exchange(`${head}Content-Length: ${long.length}\r\n\r\n${long}`))).toBe(
    413,
  );
  expect(await exchange(`${head}Content-Length: 3\r\nConnection: close\r\n\r\n[1]`)).toEndWith(
    "[1]\n",
  );
});

test("several requests at once are answered in order, too many are not", async () => {
  const one = (target: string) => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const last = "GET /healthz HTTP/1.0\r\n\r\n";
  const got = await exchange(`${one("/metrics")}${one("/none")}${last}`);
  expect(Array.from(got.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status)).toEqual([
    "200",
    "404",
    "200",
  ]);
  await exchange(one("/metrics").repeat(10_000));
  expect(statusOf(await request("/healthz"))).toBe(200);
});

describe("on a unix socket", () => {
  const unix: Address = { kind: "unix", path };

  test("no Host matters, and nothing is left behind", async () => {
    const one = await start(unix);
    const text = "GET /healthz HTTP/1.1\r\nHost: ringway\r\nConnection: close\r\n\r\n";
    expect(statusOf(await exchange(text, { path }))).toBe(200);
    await one.stop();
    expect(existsSync(path)).toBe(false);
  });

  test.if(process.platform === "linux")("this very process does not get in", async () => {
    const one = await start(unix);
    expect(await exchangeHere("GET /healthz HTTP/1.0\r\n\r\n", { path })).toBe("");
    await one.stop();
  });

  test("another that listens there, or another file, is left alone", async () => {
    const one = await start(unix);
    expect(start(unix)).rejects.toBeInstanceOf(ListenError);
    expect(statusOf(await exchange("GET /healthz HTTP/1.0\r\n\r\n", { path }))).toBe(200);
    await one.stop();
    writeFileSync(path, "precious");
    expect(start(unix)).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(await Bun.file(path).text()).toBe("precious");
    rmSync(path);
  });
});

test("an address that is taken", async () => {
  expect(start(server.address)).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a stop ends connections that are open", async () => {
  const other = await start(loopback);
  const taken = other.address.kind === "tcp" ? other.address.port : 0;
  const answered = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  const socket = connect({ host: "127.0.0.1", port: taken });
  socket.on("data", (chunk) => answered.resolve(chunk.toString()));
  socket.on("error", () => {});
  socket.on("close", () => closed.resolve());
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // It is kept alive for the next request, which does not come.
  expect(statusOf(await answered.promise)).toBe(200);
  await other.stop();
  await closed.promise;
});
