import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

// Whoever runs a proxy that the environment names would see the admin token, and could answer anything.

setDefaultTimeout(20_000);

const TOKEN = "a-token-that-nobody-else-sees";
/** What has come to the proxy of the environment. */
const seen: string[] = [];
const hostile = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    seen.push(`${request.method} ${request.url} ${request.headers.get("authorization")}`);
    return Response.json({
      running: 66,
      relays: [],
      matching: 0,
      drainTimeoutMs: 0,
      upstreams: [],
    });
  },
});
const checked: string[] = [];
const upstream = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    checked.push(request.url);
    return new Response("well");
  },
});

/** All variables that some program obeys. */
const environment: Record<string, string> = {
  PATH: process.env.PATH ?? "",
  NODE_USE_ENV_PROXY: "1",
};
for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
  environment[name] = hostile.url.href;
  environment[name.toUpperCase()] = hostile.url.href;
}

let folder = "";
let child: Bun.Subprocess | null = null;
let admin = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-environment-proxy-"));
  const log = join(folder, "log");
  const config = join(folder, "ringway.toml");
  await Bun.write(
    config,
    `listen = "127.0.0.1:0"
upstream = "127.0.0.1:${upstream.port}"
check = "http"
admin = "127.0.0.1:0"
adminToken = "${TOKEN}"`,
  );
  child = Bun.spawn([...PROGRAM, "-c", config], {
    env: environment,
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log),
  });
  let said = "";
  const find = () => /admin page, API and metrics on http:\/\/(\S+)/.exec(said)?.[1] ?? "";
  const look = async () => {
    said = await Bun.file(log).text();
  };
  await waitFor(
    () => {
      void look();
      return find() !== "";
    },
    () => `it says where its admin server is: ${said}`,
  );
  admin = find();
});

afterAll(async () => {
  child?.kill("SIGKILL");
  await child?.exited;
  await Promise.all([hostile.stop(true), upstream.stop(true)]);
  await rm(folder, { recursive: true });
});

describe("with a proxy in each variable of the environment", () => {
  test("a health check by HTTP goes to the upstream", async () => {
    await waitFor(() => checked.length > 0, "the upstream is checked");
    expect(seen).toEqual([]);
  });

  // The last one ends the proxy.
  test.each(["relays", "upstreams", "plan", "reload", "top", "drain"])(
    "ringway %s asks the proxy's own admin server",
    async (command) => {
      const asked = Bun.spawn([...PROGRAM, command, "--admin", admin], {
        env: { ...environment, RINGWAY_ADMIN_TOKEN: TOKEN },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [code, out, err] = await Promise.all([
        asked.exited,
        asked.stdout.text(),
        asked.stderr.text(),
      ]);
      expect({ code, err, seen }).toEqual({ code: 0, err: "", seen: [] });
      expect(out).not.toContain("66 running");
    },
  );
});
