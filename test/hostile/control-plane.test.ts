import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorDocument } from "../../src/admin/api.ts";
import { CliProcess, runCli, SOURCE } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { waitForNoGrowth } from "../fixtures/growth.ts";
import { residentBytes } from "../fixtures/proc.ts";
import { seeded } from "../fixtures/random.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { LIVENESS_MS, waitFor } from "../fixtures/wait.ts";
import { attack } from "./admin-requests.ts";
import { onBothEngines, startOn } from "./stages.ts";

// Nothing that a file says or a stranger sends keeps the control plane busy, or stops it.

setDefaultTimeout(600_000);

/** Hostile requests on each stage; a million of them take some minutes. */
const REQUESTS = Number(Bun.env.RINGWAY_HOSTILE ?? 3_000);
const MIB = 1024 * 1024;

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-control-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("a configuration of 60,000 keys that nobody knows", () => {
  const keys = Array.from({ length: 60_000 }, (_, at) => `k${at}`);
  test.each([
    ["toml", keys.map((key) => `${key} = 1\n`).join("")],
    ["yaml", keys.map((key) => `${key}: 1\n`).join("")],
    ["json", `{${keys.map((key) => `"${key}":1`).join(",")}}`],
    ["ts", `export default {${keys.map((key) => `"${key}":1`).join(",")}};`],
  ])("is told of in a hundred sentences and a number, in a moment: .%s", async (suffix, text) => {
    const path = join(folder, `many.${suffix}`);
    const first = {
      toml: 'mode = "sink"\nlisten = "127.0.0.1:0"\n',
      yaml: "mode: sink\nlisten: 127.0.0.1:0\n",
      json: '{"mode": "sink", "listen": "127.0.0.1:0"}',
      ts: 'export default { mode: "sink", listen: "127.0.0.1:0" };',
    };
    await writeFile(path, first[suffix as keyof typeof first]);
    const beganAt = performance.now();
    const flags = ["-c", path, "--admin", "127.0.0.1:0", "--stats", "none"];
    await using proxy = new CliProcess(flags, [], SOURCE);
    const [, base = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
    await proxy.port();
    const startMs = performance.now() - beganAt;
    await writeFile(path, text);
    const plan = fetch(`${base}/api/plan`, { method: "POST", headers: { "x-ringway": "1" } });
    let longest = 0;
    let isOver = false;
    const probing = (async () => {
      while (!isOver) {
        const askedAt = performance.now();
        expect((await fetch(`${base}/healthz`)).status).toBe(200);
        longest = Math.max(longest, performance.now() - askedAt);
      }
    })();
    const response = await plan;
    isOver = true;
    await probing;
    expect(response.status).toBe(422);
    const { problems = [] } = (await response.json()) as ErrorDocument;
    expect(problems.length).toBeGreaterThan(99);
    expect(problems.length).toBeLessThan(102);
    expect(problems.at(-1)).toMatch(/and 59,\d{3} more$/);
    // A probe's patience is seconds; by this machine's own measure, the time that a start takes.
    expect(longest).toBeLessThan(4 * startMs);
  });
});

describe("files that are none", () => {
  const names = ["fifo", "zero", "socket", "folder", "huge", "link"];

  beforeAll(async () => {
    const at = (name: string) => join(folder, name);
    expect(Bun.spawnSync(["mkfifo", at("fifo")]).exitCode).toBe(0);
    await symlink("/dev/zero", at("zero"));
    await symlink(at("fifo"), at("link"));
    await mkdir(at("folder"));
    const listening = createServer().listen(at("socket"));
    await new Promise((resolve) => listening.on("listening", resolve));
    listening.unref();
    const huge = await open(at("huge"), "w", 0o600);
    await huge.truncate(10 * 1024 * MIB);
    await huge.close();
    for (const name of names) {
      for (const suffix of ["toml", "yaml", "json", "ts", "mjs"]) {
        await symlink(at(name), at(`${name}.${suffix}`));
      }
    }
  });

  /** Starts with these flags. @returns what it says, which is one sentence and no more */
  async function refusedBy(flags: readonly string[]): Promise<string> {
    const proxy = new CliProcess([...flags]);
    const timer = setTimeout(() => proxy.child.kill("SIGKILL"), 2 * LIVENESS_MS);
    const { code, err } = await proxy.finished();
    clearTimeout(timer);
    expect({ code, err }).toMatchObject({ code: 2 });
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    return err;
  }

  const why = /it is not a regular file|it is a directory|larger than/;
  const relays = ["-l", "127.0.0.1:0", "-u", "127.0.0.1:1"];

  test.each(names)("as a configuration: %s", async (name) => {
    for (const suffix of ["toml", "yaml", "json", "ts", "mjs"]) {
      expect(await refusedBy(["-c", join(folder, `${name}.${suffix}`)])).toMatch(why);
      const { code, err } = await runCli("check", join(folder, `${name}.${suffix}`));
      expect({ code, err }).toMatchObject({ code: 2, err: expect.stringMatching(why) });
    }
  });

  test.each(names)("as a file that a setting names: %s", async (name) => {
    const path = join(folder, name);
    expect(await refusedBy([...relays, "--allow", `file:${path}`])).toMatch(why);
    const tls = [...relays, "--check", "tcp", "--check-tls", "on"];
    expect(await refusedBy([...tls, "--check-tls-ca", path])).toMatch(why);
    expect(
      await refusedBy([...relays, "--check", "redis", "--check-password", `file:${path}`]),
    ).toMatch(why);
    const admin = [...relays, "--admin", "127.0.0.1:0"];
    expect(await refusedBy([...admin, "--admin-token", `file:${path}`])).toMatch(why);
  });

  test("at a reload, while it goes on", async () => {
    const path = join(folder, "reload.toml");
    await writeFile(path, 'mode = "sink"\nlisten = "127.0.0.1:0"\n');
    const flags = ["-c", path, "--admin", "127.0.0.1:0", "--stats", "none"];
    await using proxy = new CliProcess(flags, [], SOURCE);
    const [, base = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
    const before = residentBytes(proxy.child.pid);
    for (const name of names) {
      await rm(path);
      await symlink(join(folder, name), path);
      const options = {
        method: "POST",
        headers: { "x-ringway": "1" },
        signal: AbortSignal.timeout(LIVENESS_MS),
      };
      const response = await fetch(`${base}/api/plan`, options);
      expect(response.status).toBe(422);
      expect(await response.text()).toMatch(why);
      expect((await fetch(`${base}/healthz`)).status).toBe(200);
    }
    expect(residentBytes(proxy.child.pid) - before).toBeLessThan(32 * MIB);
  });
});

onBothEngines("hostile requests", (stage) => {
  test("the process lives, answers, relays, and keeps nothing of them", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const to = upstream.address.kind === "tcp" ? `127.0.0.1:${upstream.address.port}` : "";
    const flags = ["-l", "127.0.0.1:0", "-u", to, "--stats", "none", "--admin", "127.0.0.1:0"];
    const proxy = startOn(stage, [...flags, "--admin-token", "0123456789abcdef"]);
    try {
      const port = await proxy.port();
      const [, base = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
      const target = { host: "127.0.0.1", port: Number(new URL(base).port) };
      const { pid } = proxy.child;
      const open = () => readdirSync(`/proc/${pid}/fd`).length;
      const relay = async () => {
        const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
        end.offer({ seed: 1, total: 10_000 });
        await waitFor(() => end.receivedBytes === 10_000, "an echo");
        end.reset();
      };
      // As much as it needs for the first ones.
      await attack(target, Math.max(3_000, REQUESTS / 10), seeded(1));
      await relay();
      await waitFor(() => upstream.ends.every((end) => end.closed), "relays have ended");
      const [descriptors, resident] = [open(), residentBytes(pid)];
      let isOver = false;
      let answers = 0;
      const beside = (async () => {
        while (!isOver) {
          const signal = AbortSignal.timeout(LIVENESS_MS);
          expect((await fetch(`${base}/healthz`, { signal })).status).toBe(200);
          answers++;
          await relay();
        }
      })();
      const { statuses } = await attack(target, REQUESTS, seeded(REQUESTS));
      isOver = true;
      await beside;
      expect(answers).toBeGreaterThan(0);
      // Refusals, and neither a success of a change nor a defect.
      const told = [...statuses.keys()];
      expect(told.filter((status) => status >= 400 && status < 500)).not.toBeEmpty();
      expect(told.filter((status) => [202, 500, 503].includes(status))).toEqual([]);
      const headers = { authorization: "Bearer 0123456789abcdef" };
      const state = await fetch(`${base}/api/state`, { headers });
      expect(await state.json()).toMatchObject({ status: "ready" });
      await waitFor(
        () => open() <= descriptors + 2,
        () => `${descriptors} descriptors, not ${open()}`,
      );
      let seed = REQUESTS;
      const load = async () => void (await attack(target, REQUESTS, seeded(++seed)));
      const bytes = () => residentBytes(pid);
      await waitForNoGrowth({ bytes, level: resident, bound: 16 * MIB, load });
      expect((await proxy.stop()).code).toBe(0);
    } finally {
      await proxy[Symbol.asyncDispose]();
      upstream.close();
    }
  });
});
