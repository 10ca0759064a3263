import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { CliProcess } from "./cli-process.ts";
import { type Family, parseExposition, sampleValue } from "./fixtures/exposition.ts";
import { waitFor } from "./fixtures/wait.ts";

// Metrics, health and readiness of the real program.

const folder = mkdtempSync(join(tmpdir(), "ringway-admin-"));
const LOOPBACK = "127.0.0.1:0";
const engines = process.platform === "linux" ? ["sockets", "auto"] : ["sockets"];

afterAll(() => rmSync(folder, { recursive: true }));

async function adminOf(proxy: CliProcess): Promise<string> {
  return String((await proxy.logged(/admin server on (http:\S+):/))[1]);
}

async function scrape(admin: string): Promise<Map<string, Family>> {
  const response = await fetch(`${admin}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await response.text());
}

/** A client with one PING that was answered; it stays. */
async function guest(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const answered = Promise.withResolvers<void>();
  socket.once("data", () => answered.resolve());
  socket.write("PING\r\n");
  await answered.promise;
  return socket;
}

/** The counters of an answer, by name and labels. */
function counters(families: ReadonlyMap<string, Family>): Map<string, number> {
  const all = [...families.values()].filter(({ type }) => type === "counter");
  const samples = all.flatMap((family) => family.samples);
  return new Map(samples.map((one) => [one.name + JSON.stringify(one.labels), one.value]));
}

describe.each(engines)("engine %s", (engine) => {
  test("metrics are of now, and counters never fall", async () => {
    const log = join(folder, `${engine}.log`);
    await using proxy = new CliProcess([
      ...["-l", LOOPBACK, "-e", engine, "--admin", LOOPBACK, "--access-log", log],
    ]);
    const port = await proxy.port();
    const admin = await adminOf(proxy);
    const listener = `127.0.0.1:${port}`;
    const answers: Map<string, Family>[] = [await scrape(admin)];
    const value = (name: string, labels = {}) => {
      return sampleValue(answers.at(-1) ?? new Map(), name, labels);
    };
    expect(value("ringway_relays_accepted_total", { listener })).toBe(0);
    expect(value("ringway_build_info", { version: packageJson.version })).toBe(1);
    const one = await guest(port);
    const two = await guest(port);
    answers.push(await scrape(admin));
    expect(value("ringway_relays_accepted_total", { listener })).toBe(2);
    expect(value("ringway_relays_running", { listener })).toBe(2);
    // Of relays that run.
    expect(value("ringway_bytes_total", { listener, direction: "up" })).toBe(12);
    expect(value("ringway_bytes_total", { listener, direction: "down" })).toBe(14);
    one.end();
    await waitFor(() => one.closed, "the first client is gone");
    for (let running = 2; running > 1; running = value("ringway_relays_running")) {
      answers.push(await scrape(admin));
    }
    two.write("PING\r\n");
    await new Promise((resolve) => two.once("data", resolve));
    answers.push(await scrape(admin));
    expect(value("ringway_relays_ended_total", { reason: "client_fin" })).toBe(1);
    expect(value("ringway_relay_seconds_count", { listener })).toBe(1);
    expect(value("ringway_dial_seconds_count", { listener })).toBe(1);
    expect(value("ringway_bytes_total", { direction: "up" })).toBe(18);
    expect(value("ringway_access_log_lines_dropped_total")).toBe(0);
    for (const [index, families] of answers.entries()) {
      const before = counters(answers[index - 1] ?? new Map());
      const now = counters(families);
      for (const [name, count] of before) expect(now.get(name)).toBeGreaterThanOrEqual(count);
    }
    two.end();
    expect((await proxy.stop()).code).toBe(0);
  });

  test("while it drains it is alive and not ready", async () => {
    await using proxy = new CliProcess(["-l", LOOPBACK, "-e", engine, "--admin", LOOPBACK]);
    const port = await proxy.port();
    const admin = await adminOf(proxy);
    const status = async (path: string) => (await fetch(`${admin}${path}`)).status;
    expect([await status("/readyz"), await status("/healthz")]).toEqual([200, 200]);
    const socket = await guest(port);
    proxy.child.kill("SIGTERM");
    await proxy.logged(/stopping: SIGTERM, 1 relay running/);
    expect([await status("/readyz"), await status("/healthz")]).toEqual([503, 200]);
    expect(sampleValue(await scrape(admin), "ringway_accepting")).toBe(0);
    socket.end();
    expect((await proxy.finished()).code).toBe(0);
    const gone = await fetch(`${admin}/healthz`).catch(() => null);
    expect(gone).toBeNull();
  });
});

test("dials that failed", async () => {
  const flags = ["-l", LOOPBACK, "-u", "127.0.0.1:1", "--admin", LOOPBACK];
  await using proxy = new CliProcess(flags);
  const socket = connect(await proxy.port(), "127.0.0.1");
  socket.on("error", () => {});
  await waitFor(() => socket.closed, "the client is closed");
  const families = await scrape(await adminOf(proxy));
  const labels = { upstream: "127.0.0.1:1", reason: "connect_refused" };
  expect(sampleValue(families, "ringway_dial_failures_total", labels)).toBe(1);
  expect(sampleValue(families, "ringway_relays_ended_total", labels)).toBe(1);
  expect(families.get("ringway_dial_seconds")?.samples).toEqual([]);
  await proxy.stop();
});

test("on a unix socket, which is gone afterwards", async () => {
  const path = join(folder, "admin.sock");
  await using proxy = new CliProcess(["-l", LOOPBACK, "--admin", `unix:${path}`]);
  await proxy.logged(/admin server on unix:\S+: \/metrics, \/healthz, \/readyz/);
  const response = await fetch("http://any/metrics", { unix: path });
  expect(await response.text()).toContain("\nringway_relays_running{");
  await proxy.stop();
  expect(existsSync(path)).toBe(false);
});

describe("what cannot be", () => {
  test("an address that others reach: one sentence, exit 2", async () => {
    await using proxy = new CliProcess(["-l", LOOPBACK, "--admin", "0.0.0.0:9600"]);
    const { code, err } = await proxy.finished();
    expect(code).toBe(2);
    expect(err).toStartWith('ringway: --admin "0.0.0.0:9600": expected an address of this machine');
  });

  test("an address that is taken: one sentence, exit 1, and nothing listens", async () => {
    await using other = new CliProcess(["-l", LOOPBACK]);
    const taken = await other.port();
    await using proxy = new CliProcess(["-l", LOOPBACK, "--admin", `127.0.0.1:${taken}`]);
    const { code, err } = await proxy.finished();
    const sentence = `the admin server cannot listen on 127.0.0.1:${taken}`;
    expect([code, err]).toEqual([1, `ringway: ${sentence}: the port is in use already\n`]);
  });
});
