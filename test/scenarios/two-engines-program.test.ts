import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PlanDocument } from "../../src/admin/plan-document.ts";
import type { StateDocument } from "../../src/admin/state.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import { findProgram, runProgram } from "../clients/programs.ts";
import { type RestartableUpstream, startRedis } from "../clients/redis-upstream.ts";
import { CliProcess, runCli, WITHOUT_URING } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

// The program with listeners on both engines, as people run it and look at it.

setDefaultTimeout(60_000);

const isLinux = process.platform === "linux";
const hasBoth = isLinux && choose("auto", probe()).name === "uring";
const benchmark = findProgram("redis-benchmark");

let folder = "";
let redis: RestartableUpstream;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-two-"));
  redis = await startRedis();
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A file with a listener for each of these engines, each with a name. */
async function write(path: string, engines: Readonly<Record<string, string>>): Promise<void> {
  const tables = Object.entries(engines).map(
    ([name, engine], index) =>
      `[[listeners]]\nname = "${name}"\nlisten = "127.0.2.${index + 1}:0"\nengine = "${engine}"\n`,
  );
  const top = `upstream = "127.0.0.1:${redis.port}"\nadmin = "127.0.0.1:0"\ndrainTimeout = 0\n`;
  await writeFile(path, `${top}${tables.join("")}`);
}

async function adminOf(program: CliProcess): Promise<string> {
  const [, base = ""] = await program.logged(/admin page, API and metrics on (http:\S+)/);
  return base;
}

async function ask<T>(base: string, path: string, method = "GET"): Promise<T> {
  const response = await fetch(`${base}${path}`, { method, headers: { "x-ringway": "1" } });
  return (await response.json()) as T;
}

describe.skipIf(!hasBoth)("a program with both engines", () => {
  test("relays redis-benchmark through both listeners at once, and says who carries what", async () => {
    const path = join(folder, "both.toml");
    await write(path, { plain: "uring", crypt: "sockets" });
    await using program = new CliProcess(["-c", path, "--stats", "json"]);
    const base = await adminOf(program);
    await program.logged(/engine uring \(as asked for\)/);
    await program.logged(/engine sockets \(as asked for\)/);
    await program.logged(/plain: listening on \S+ by engine uring →/);
    await program.logged(/crypt: listening on \S+ by engine sockets →/);
    const { listeners } = await ask<StateDocument>(base, "/api/state");
    expect(listeners.map(({ name, engine }) => [name, engine])).toEqual([
      ["plain", "uring"],
      ["crypt", "sockets"],
    ]);
    if (benchmark !== null) {
      const load = (address: string) => {
        const [host = "", port = ""] = address.split(":");
        const flags = ["-t", "set,get", "-n", "5000", "-c", "20", "-P", "4", "-d", "1000"];
        return runProgram([benchmark, "-h", host, "-p", port, ...flags]);
      };
      for (const { code, out, err } of await Promise.all(
        listeners.map(({ address }) => load(address)),
      )) {
        expect([code, err]).toEqual([0, ""]);
        expect(out).not.toMatch(/error|warning|refused|reset/i);
      }
      // The benchmark has ended, and ringway may not have seen all of its connections end.
      const isIdle = async () => {
        const { engines } = await ask<StateDocument>(base, "/api/state");
        return engines.every(({ relays }) => relays.running === 0);
      };
      await waitFor(isIdle, "all relays have ended");
      const { engines, totals } = await ask<StateDocument>(base, "/api/state");
      expect(engines).toMatchObject([
        { name: "uring", workers: 1, listeners: 1, relays: { running: 0 } },
        { name: "sockets", workers: 1, listeners: 1, relays: { running: 0 } },
      ]);
      for (const { relays } of engines) expect(relays.accepted).toBeGreaterThanOrEqual(40);
      const sum = engines.reduce((all, { relays }) => all + relays.accepted, 0);
      expect(totals.relays.accepted).toBe(sum);
    }
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toMatch(/^ringway_build_info\{.*engine="uring,sockets".*\} 1$/m);
    expect(metrics).toMatch(/^ringway_engine_listeners\{engine="sockets"\} 1$/m);
    expect(metrics).toMatch(/^ringway_engine_relays_accepted_total\{engine="uring"\} \d+$/m);
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    const { code } = await program.stop();
    expect(code).toBe(0);
  });

  test("a plan and a reload say which listeners move", async () => {
    const path = join(folder, "moves.toml");
    await write(path, { plain: "uring", crypt: "uring" });
    await using program = new CliProcess(["-c", path]);
    const base = await adminOf(program);
    await program.logged(/crypt: listening on \S+ →/);
    await write(path, { plain: "uring", crypt: "sockets" });
    const plan = await ask<PlanDocument>(base, "/api/plan", "POST");
    expect(plan.changed.map(({ before, after }) => [before.engine, after.engine])).toEqual([
      ["uring", "sockets"],
    ]);
    const admin = base.replace("http://", "");
    const { out } = await runCli("plan", "--admin", admin);
    expect(out).toContain("~ crypt: 127.0.2.2:0 by engine sockets →");
    expect(out).toContain("engine: uring → sockets");
    program.child.kill("SIGHUP");
    await program.logged(/SIGHUP: 1 listener changed, 0 relays cut/);
    await program.logged(/engine sockets \(as asked for\)/);
    await program.logged(/crypt: listening on \S+ by engine sockets →/);
    await write(path, { plain: "uring", crypt: "uring" });
    program.child.kill("SIGHUP");
    await program.loggedTimes(/SIGHUP: 1 listener changed/g, 2);
    const engines = async () => (await ask<StateDocument>(base, "/api/state")).engines.length;
    await waitFor(async () => (await engines()) === 1, "the other engine goes");
  });
});

test.skipIf(!isLinux)(
  "a reload to an engine that cannot run here is refused as a whole",
  async () => {
    const path = join(folder, "cannot.toml");
    await write(path, { plain: "auto", crypt: "sockets" });
    await using program = new CliProcess(["-c", path], [], WITHOUT_URING);
    const base = await adminOf(program);
    await program.logged(/engine sockets \(.*\); `.* doctor` says what to do/);
    const before = await ask<StateDocument>(base, "/api/state");
    await write(path, { plain: "auto", crypt: "uring", another: "auto" });
    const refused = await fetch(`${base}/api/plan`, {
      method: "POST",
      headers: { "x-ringway": "1" },
    });
    expect(refused.status).toBe(409);
    expect(await refused.text()).toMatch(/engine uring: /);
    program.child.kill("SIGHUP");
    await program.logged(/reload: engine uring: .*io_uring/);
    await program.logged(/SIGHUP: the new configuration is not applied/);
    const { listeners, engines } = await ask<StateDocument>(base, "/api/state");
    expect(listeners).toEqual(before.listeners);
    expect(engines.map(({ name }) => name)).toEqual(["sockets"]);
  },
);
