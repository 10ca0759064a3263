import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TlsClient } from "../clients/tls-client.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";

setDefaultTimeout(20_000);

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-config-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Writes a file of the folder. @returns its path */
async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await Bun.write(path, text);
  return path;
}

describe("check", () => {
  test("a file that is right: what it means, exit 0", async () => {
    const path = await write(
      "good.yaml",
      `upstream: 127.0.0.1:1
listeners:
  - { name: cache, listen: ["127.0.0.1:7000", "unix:/tmp/a b.sock"] }
  - { listen: ":7001", upstreams: [127.0.0.1:1, "\${RINGWAY_TEST:-db}:5432"], mode: oneway }
  - { name: hole, listen: ":7002", mode: sink }
`,
    );
    expect(await runCli("check", path)).toEqual({
      code: 0,
      err: "",
      out: `${path}: ok: 3 listeners, 2 upstreams
  cache: 127.0.0.1:7000 → 127.0.0.1:1
  cache: unix:/tmp/a b.sock → 127.0.0.1:1
  [::]:7001 → 127.0.0.1:1, db:5432 (oneway: nothing comes back)
  hole: [::]:7002 (sink: what clients send is counted and discarded)
`,
    });
  });

  test("a file that is wrong: all of it on stderr, exit 2", async () => {
    const path = await write(
      "bad.toml",
      `mode = "both"
[[listeners]]
listen = ":1"
upstreams = ["foo:99999", "\${RINGWAY_TEST_GONE}:1"]
[[listeners]]
listen = ":1"
upsteams = "a:1"
`,
    );
    const lines = [
      'listeners[0].upstreams[1] "${RINGWAY_TEST_GONE}:1": the environment variable RINGWAY_TEST_GONE is not set',
      'listeners[0].upstreams[0] "foo:99999": port "99999" is not a number of 1…65535',
      'unknown key "listeners[1].upsteams"; did you mean listeners[1].upstreams?',
      'mode "both": expected bidirectional, oneway, sink or valkey',
      'listeners[1].listen "[::]:1" is given twice',
    ];
    const err = lines.map((line) => `ringway: ${path}: ${line}\n`).join("");
    expect(await runCli("check", path)).toEqual({ code: 2, out: "", err });
    // The same from the proxy.
    expect(await runCli("-c", path)).toEqual({ code: 2, out: "", err });
  });

  test("a file that relays nowhere: no demo takes its place, exit 2", async () => {
    const empty = await write("empty.toml", "");
    const listen = await write("listen.toml", 'listen = "127.0.0.1:0"\n');
    const words = "expected at least one";
    const lines = [
      [empty, `is empty, without any key: ${words} upstream, or mode sink`],
      [listen, `has no upstreams: ${words}, or mode sink`],
    ] as const;
    for (const [path, why] of lines) {
      const refused = { code: 2, out: "", err: `ringway: ${path}: ${why}\n` };
      expect(await runCli("check", path)).toEqual(refused);
      expect(await runCli("-c", path)).toEqual(refused);
    }
  });

  test("an empty file is refused whatever the flags say, one that says something is not", async () => {
    const path = await write("empty.yaml", "# nothing yet\n");
    const flags = ["-l", "127.0.0.1:0", "-u", "127.0.0.1:1"];
    const { code, err } = await runCli("-c", path, ...flags);
    expect([code, err]).toEqual([
      2,
      `ringway: ${path}: is empty, without any key: expected at least one setting\n`,
    ]);
    const little = await write("little.yaml", "idleTimeout: 1h\n");
    await using proxy = new CliProcess(["-c", little, ...flags]);
    await proxy.logged(/listening on \S+ → 127\.0\.0\.1:1\n/);
    expect((await proxy.stop()).code).toBe(0);
  });

  test("a file that is right and refuses everybody: a warning, exit 0", async () => {
    const upstream = 'upstream = { address = "127.0.0.1:1", weight = 0 }\n';
    const path = await write("weightless.toml", `listen = "127.0.0.1:0"\n${upstream}`);
    const why = "no upstream of listener 127.0.0.1:0 takes new relays: all have weight 0";
    expect(await runCli("check", path)).toEqual({
      code: 0,
      err: `ringway: ${path}: warning: ${why}\n`,
      out: `${path}: ok: 1 listener, 1 upstream\n  127.0.0.1:0 → 127.0.0.1:1\n    upstream 127.0.0.1:1 weight 0 (default: 1)\n`,
    });
    await using proxy = new CliProcess(["-c", path]);
    const warning = new RegExp(`\\[warn\\].* ${why}\n`, "g");
    await proxy.logged(warning);
    proxy.child.kill("SIGHUP");
    await proxy.loggedTimes(warning, 2);
    expect((await proxy.stop()).code).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("listeners that overlap are right", async () => {
    const text = `upstream = "a:1"
[[listeners]]
listen = ":7110"
[[listeners]]
listen = ["127.0.0.1:7110", "0.0.0.0:7110"]
`;
    const path = await write("overlap.toml", text);
    expect(await runCli("check", path)).toMatchObject({ code: 0, err: "" });
  });

  test("what differs from the defaults, what has no effect, and what a start would fail on", async () => {
    const gone = join(folder, "gone");
    const path = await write(
      "odd.toml",
      `workers = 1
drainTimeout = "1m"
accessLog = "${gone}/access.log"
[[listeners]]
name = "front"
listen = ["127.0.0.1:7120", "unix:${gone}/a.sock"]
upstreams = "127.0.0.1:1"
connectTimeout = 3000
idleTimeout = 300
check = "redis"
checkPassword = "hunter2"
queueTimeout = "2s"
`,
    );
    const warnings = [
      'listeners[0].connectTimeout 3000 is a number of seconds, 50m: write "3000ms" or "3000s" to say which is meant',
      "queueTimeout of listener front has no effect: no upstream has maxRelays",
      `accessLog "${gone}/access.log": a start would fail here: there is no directory "${gone}"`,
      `listen "${gone}/a.sock": a start would fail here: there is no directory "${gone}"`,
    ];
    expect(await runCli("check", path)).toEqual({
      code: 0,
      err: warnings.map((one) => `ringway: ${path}: warning: ${one}\n`).join(""),
      out: `${path}: ok: 1 listener, 1 upstream
  drainTimeout 1m (default: 10s)
  accessLog ${gone}/access.log (default: none)
  front: 127.0.0.1:7120 → 127.0.0.1:1
  front: unix:${gone}/a.sock → 127.0.0.1:1
    queueTimeout 2s (default: off)
    check redis (default: none)
    checkPassword (not shown) (default: none)
    idleTimeout 5m (default: off)
    connectTimeout 50m (default: 5s)
`,
    });
  });

  test("files of networks are read as well", async () => {
    const networks = await write("networks.txt", "10.0.0.0/8\nnobody\n");
    const edge = `allow = "file:${networks}"\ndeny = "file:${networks}.gone"\n`;
    const path = await write("edge.toml", `listen = "127.0.0.1:0"\nupstream = "a:1"\n${edge}`);
    const { code, out, err } = await runCli("check", path);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`${networks}:2: `);
    expect(err).toContain(`${networks}.gone: cannot be read`);
  });

  test("its line", async () => {
    const help = await runCli("check", "--help");
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toStartWith("Usage: ringway check FILE\n");
    expect(await runCli("check")).toEqual({
      code: 2,
      out: "",
      err: "ringway: check needs a file: ringway check FILE\n",
    });
    expect(await runCli("check", "a.toml", "-l", ":1")).toMatchObject({
      code: 2,
      err: expect.stringContaining('unknown flag "-l"'),
    });
  });
});

describe("init", () => {
  test.each(["new.toml", "new.yaml", "new.json", "new.ts"])(
    "%s is written and right",
    async (name) => {
      const path = join(folder, name);
      const { code, out, err } = await runCli("init", path);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toStartWith(`wrote ${path}; `);
      const checked = await runCli("check", path);
      expect(checked).toMatchObject({ code: 0, err: "" });
      expect(checked.out).toStartWith(`${path}: ok: 1 listener, 1 upstream\n`);
    },
  );

  test.each(["tls.toml", "tls.yaml", "tls.json", "tls.ts"])(
    "%s with a certificate, and a client that trusts it is served",
    async (name) => {
      const own = await mkdtemp(join(folder, "tls-"));
      const path = join(own, name);
      const { code, out, err } = await runCli("init", "--tls", path);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain(join(own, "tls.pem"));
      expect(await runCli("check", path)).toMatchObject({ code: 0, err: "" });
      expect((await stat(join(own, "tls.key"))).mode & 0o777).toBe(0o600);
      const again = await runCli("init", "--tls", path);
      expect(again).toMatchObject({ code: 2, err: expect.stringContaining("is there already") });
      const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
      const { port } = upstream.address as { port: number };
      const text = (await readFile(path, "utf8")).replace("127.0.0.1:6380", "127.0.0.1:0");
      await writeFile(path, text.replace("127.0.0.1:6379", `127.0.0.1:${port}`));
      await using proxy = new CliProcess(["-c", path]);
      const ca = await readFile(join(own, "tls.pem"), "utf8");
      const client = await TlsClient.open(await proxy.port(), { ca });
      expect(await client.echo("hello")).toBe("hello");
      client.close();
      upstream.close();
    },
  );

  test("writes no certificate without its configuration", async () => {
    const own = await mkdtemp(join(folder, "tls-"));
    const path = join(own, "own.toml");
    await writeFile(path, "precious");
    expect(await runCli("init", "--tls", path)).toMatchObject({ code: 2 });
    expect(await readdir(own)).toEqual(["own.toml"]);
    expect(await runCli("init", "--tls", join(own, "own.ini"))).toMatchObject({ code: 2 });
    expect(await readdir(own)).toEqual(["own.toml"]);
  });

  test("overwrites only when it is told to", async () => {
    const path = await write("precious.toml", "precious");
    const refused = `ringway: ${path}: is there already; --force overwrites it\n`;
    expect(await runCli("init", path)).toEqual({ code: 2, out: "", err: refused });
    expect(await readFile(path, "utf8")).toBe("precious");
    expect(await runCli("init", "--force", path)).toMatchObject({ code: 0, err: "" });
    expect(await readFile(path, "utf8")).toStartWith("# What ringway relays");
  });

  test.each([
    ["a.ini", "expected a name that ends in .toml, .yaml, .yml, .json or .ts"],
    ["gone/a.toml", "cannot be written: there is no such directory"],
    ["folder.toml", "is there already; --force overwrites it"],
  ])("%s is refused", async (name, why) => {
    await mkdir(join(folder, "folder.toml"), { recursive: true });
    const path = join(folder, name);
    const err = `ringway: ${path}: ${why}\n`;
    expect(await runCli("init", path)).toEqual({ code: 2, out: "", err });
  });

  test.skipIf(process.getuid?.() === 0)("a folder that nobody may write to", async () => {
    const path = join(folder, "closed", "a.toml");
    await mkdir(join(folder, "closed"));
    await chmod(join(folder, "closed"), 0o500);
    const err = `ringway: ${path}: cannot be written: no permission\n`;
    expect(await runCli("init", path)).toEqual({ code: 2, out: "", err });
  });
});

test("schema prints the JSON Schema", async () => {
  const { code, out, err } = await runCli("schema");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({ title: "ringway", type: "object" });
});

test("the help of commands fits a terminal", async () => {
  for (const name of ["check", "init", "schema"]) {
    const { out } = await runCli(name, "-h");
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  }
});

test("several listeners run, each with its upstream", async () => {
  await using one = new CliProcess(["-l", "127.0.0.1:0", "--stats", "none"]);
  await using two = new CliProcess(["-l", "127.0.0.1:0", "--stats", "none"]);
  const path = await write(
    "several.ts",
    `import { defineConfig } from "ringway";
export default defineConfig({
  stats: "json",
  listeners: [
    { name: "one", listen: "127.0.0.1:0", upstreams: ["127.0.0.1:${await one.port()}"] },
    { name: "two", listen: "127.0.0.1:0", upstreams: ["127.0.0.1:${await two.port()}"] },
  ],
});
`,
  );
  await using proxy = new CliProcess(["-c", path]);
  const ports = await Promise.all(
    ["one", "two"].map(async (name) => {
      const line = new RegExp(`${name}: listening on 127\\.0\\.0\\.1:(\\d+) → (\\S+)\\n`);
      const [, port, upstream] = await proxy.logged(line);
      return { port: Number(port), upstream };
    }),
  );
  expect(ports[0]?.upstream).not.toBe(ports[1]?.upstream);
  // Each store knows only what came by its own listener.
  expect(await ask(ports[0]?.port ?? 0, "SET key one\r\nGET key\r\n", 2)).toBe("+OK,$3,one");
  expect(await ask(ports[1]?.port ?? 0, "GET key\r\n", 1)).toBe("$-1");
  const { code, out } = await proxy.stop();
  expect(code).toBe(0);
  const { endedRelays } = JSON.parse(out) as { endedRelays: { upstream: string }[] };
  expect(new Set(endedRelays.map(({ upstream }) => upstream))).toEqual(
    new Set(ports.map(({ upstream = "" }) => upstream)),
  );
});

/** What comes back for some requests, until so many answers are there: its lines. */
async function ask(port: number, requests: string, answers: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        received += chunk.toString();
        const lines = received.split("\r\n").slice(0, -1);
        if (lines.filter((line) => !line.startsWith("$") || line === "$-1").length < answers)
          return;
        resolve(lines.join(","));
      },
      close: () => reject(new Error(`closed after ${received}`)),
      error: (_, error) => reject(error),
    },
  });
  socket.write(requests);
  const lines = await promise;
  socket.end();
  return lines;
}

test("--check overrides every listener of the file, and says so", async () => {
  const path = await write(
    "checked.toml",
    `upstream = "127.0.0.1:1"
[[listeners]]
listen = "127.0.0.1:0"
check = "redis"
[[listeners]]
listen = "127.0.0.1:0"
[[listeners]]
listen = "127.0.0.1:0"
check = "none"
`,
  );
  await using proxy = new CliProcess(["-c", path, "--check", "tcp", "--stats", "none"]);
  await proxy.logged(
    /warn.* --check overrides .*checked\.toml: listeners\[0\]\.check and 1 more listener/,
  );
  await proxy.loggedTimes(/is down: a check failed: connect: ECONNREFUSED/g, 3);
});
