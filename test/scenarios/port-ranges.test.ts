import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProxy } from "../../src/index.ts";
import { CliProcess, PROGRAM, runCli } from "../fixtures/cli-process.ts";
import { type Behaviour, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, startOn } from "../hostile/stages.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-ranges-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Says which port it is. */
const tells =
  (port: () => number): Behaviour =>
  (end) => {
    end.onFin = (self) => void self.finish();
    end.send(`${port()}\n`);
  };

/**
 * Upstreams on ports that follow each other, with as many free ones before them: nobody else on this machine
 * has any of them, as far as one can know.
 */
function upstreamsInARow(count: number): { upstreams: Upstream[]; first: number; free: number } {
  for (let tries = 0; tries < 200; tries++) {
    // Below what the system picks for others.
    const free = 12_000 + Math.floor(Math.random() * 15_000);
    const upstreams: Upstream[] = [];
    try {
      for (let port = free; port < free + 2 * count; port++) {
        const one = Upstream.listen(
          { kind: "tcp", host: "127.0.0.1", port },
          tells(() => port),
        );
        if (port < free + count) one.close();
        else upstreams.push(one);
      }
      return { upstreams, first: free + count, free };
    } catch {
      for (const one of upstreams) one.close();
    }
  }
  throw new Error("no ports in a row are free");
}

/** What a client of a port is told; "" where nobody accepts. */
function asked(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text.trim()));
  });
}

onBothEngines("a range of ports", (stage) => {
  test("goes port by port, and a reload opens and closes no more than it has to", async () => {
    const { upstreams, first, free } = upstreamsInARow(6);
    const file = join(folder, `${stage.engine}-${stage.workers}.json`);
    const write = (from: number, to: number) => {
      const listen = `127.0.0.1:${free + from}-${free + to}`;
      const upstream = `127.0.0.1:${first + from}-${first + to}`;
      writeFileSync(file, JSON.stringify({ listen, upstream }));
    };
    const answers = () => Promise.all(Array.from({ length: 6 }, (_, index) => asked(free + index)));
    const expected = (...ports: number[]) =>
      [0, 1, 2, 3, 4, 5].map((index) => (ports.includes(index) ? String(first + index) : ""));
    try {
      write(0, 3);
      await using proxy = startOn(stage, ["-c", file, "--drain-timeout", "0"]);
      await proxy.logged(/listening on/);
      expect(await answers()).toEqual(expected(0, 1, 2, 3));
      // Who is there stays.
      const client = connect(free + 2, "127.0.0.1");
      client.on("error", () => {});
      await new Promise((resolve) => client.once("data", resolve));
      let isClosed = false;
      client.on("close", () => {
        isClosed = true;
      });

      write(2, 5);
      proxy.child.kill("SIGHUP");
      await proxy.logged(/SIGHUP: 2 listeners added, 2 listeners removed, 2 upstreams added/);
      expect(await answers()).toEqual(expected(2, 3, 4, 5));
      expect(isClosed).toBe(false);
      client.destroy();
    } finally {
      for (const one of upstreams) one.close();
    }
  }, 30_000);

  test("goes to one upstream, with a name as one listener and its limit", async () => {
    const { upstreams, first, free } = upstreamsInARow(3);
    const file = join(folder, `one-${stage.engine}-${stage.workers}.json`);
    const listen = `127.0.0.1:${free}-${free + 2}`;
    const one = { name: "db", listen, upstreams: `127.0.0.1:${first}`, maxRelays: 2 };
    writeFileSync(file, JSON.stringify({ listeners: [one] }));
    try {
      await using proxy = startOn(stage, ["-c", file, "--drain-timeout", "0"]);
      await proxy.logged(new RegExp(`db: listening on ${listen} → 127.0.0.1:${first}\n`));
      const held = [free, free + 1].map((port) => connect(port, "127.0.0.1"));
      for (const client of held) await new Promise((resolve) => client.once("data", resolve));
      expect(await asked(free + 2)).toBe("");
      held[0]?.destroy();
      const isIn = async () => (await asked(free + 2)) === String(first);
      await waitFor(isIn, "there is room again for all ports");
      held[1]?.destroy();
    } finally {
      for (const up of upstreams) up.close();
    }
  }, 30_000);
});

test("the library has them, too, and says each address", async () => {
  const { upstreams, first, free } = upstreamsInARow(3);
  try {
    await using proxy = await createProxy({
      listen: `127.0.0.1:${free}-${free + 2}`,
      upstream: `127.0.0.1:${first}-${first + 2}`,
    });
    expect(proxy.addresses).toEqual([0, 1, 2].map((index) => `127.0.0.1:${free + index}`));
    expect(await asked(free + 1)).toBe(String(first + 1));
  } finally {
    for (const one of upstreams) one.close();
  }
}, 20_000);

test("check and the log show a range as a line", async () => {
  const file = join(folder, "check.toml");
  writeFileSync(
    file,
    `[[listeners]]
name = "db"
listen = ["127.0.0.1:5000-6023", "127.0.0.1:7"]
upstreams = ["db:6000", "spare:7"]
maxRelays = 5
[[listeners]]
listen = "[::1]:5000-5010"
upstreams = ["db:6000-6010"]
`,
  );
  const child = Bun.spawn([...PROGRAM, "check", file], { stderr: "pipe" });
  const out = await child.stdout.text();
  expect(out.split("\n").slice(1)).toEqual([
    "  db: 127.0.0.1:5000-6023 → db:6000, spare:7",
    "  db: 127.0.0.1:7 → db:6000, spare:7",
    "    maxRelays 5 (default: 0)",
    "  [::1]:5000-5010 → db:6000-6010",
    "",
  ]);
  expect(await child.exited).toBe(0);
}, 20_000);

test("bad ranges are refused at the command line", async () => {
  const { code, err } = await runCli("-l", ":5000-5010", "-u", "db:6000-6003");
  expect(code).toBe(2);
  expect(err).toContain(
    "--upstream db:6000-6003 has 4 ports, and the listener [::]:5000-5010 has 11: they go port by port",
  );
}, 20_000);

test("ports of one name each have upstreams of their own, as the API shows", async () => {
  const { upstreams, first, free } = upstreamsInARow(3);
  const file = join(folder, "named.json");
  const [listen, to] = [`127.0.0.1:${free}-${free + 2}`, `127.0.0.1:${first}-${first + 2}`];
  const socket = join(folder, "admin.sock");
  const write = (more: object) =>
    writeFileSync(
      file,
      JSON.stringify({
        listeners: [{ name: "db", listen, upstreams: to, ...more }],
        admin: `unix:${socket}`,
        readyWhen: "upstreams",
      }),
    );
  const ask = async (path: string, method = "GET") =>
    await (await fetch(`http://x${path}`, { unix: socket, method })).json();
  write({});
  try {
    await using proxy = new CliProcess(["-c", file, "--drain-timeout", "0"]);
    await proxy.logged(/admin page/);
    for (const index of [0, 1, 2]) expect(await asked(free + index)).toBe(String(first + index));
    const { upstreams: views } = (await ask("/api/upstreams")) as {
      upstreams: { id: number; listener: string; upstream: string }[];
    };
    expect(views.map((one) => `${one.listener} ${one.upstream}`)).toEqual(
      [0, 1, 2].map((index) => `db 127.0.0.1:${first + index}`),
    );
    // Whoever reads the plan sees a line for all of them.
    write({ idleTimeout: "30s" });
    const plan = Bun.spawn([...PROGRAM, "plan", "--admin", `unix:${socket}`]);
    expect(await plan.stdout.text()).toBe(
      `3 listeners changed, 0 relays cut\n  ~ db: ${listen} → ${to}\n      idleTimeout: off → 30s\n`,
    );
    // A port whose upstream is out of service is not served by another one's.
    const body = JSON.stringify({ state: "drain" });
    const id = views[1]?.id;
    const headers = { "content-type": "application/json" };
    const url = `http://x/api/upstreams/${id}`;
    const change = { unix: socket, method: "POST", headers, body };
    expect((await fetch(url, change)).status).toBe(200);
    const ready = async () => (await fetch("http://x/readyz", { unix: socket })).status;
    // What is told of it may be a moment old.
    await waitFor(async () => (await ready()) === 503, "it is not ready");
    expect(await asked(free + 1)).toBe("");
    expect(await asked(free)).toBe(String(first));
  } finally {
    for (const one of upstreams) one.close();
  }
}, 30_000);
