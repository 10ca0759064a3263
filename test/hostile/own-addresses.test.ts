import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../src/base/address.ts";
import { createProxy } from "../../src/index.ts";
import { TestAuthority } from "../../src/upstream/names/test-authority.ts";
import { type CliProcess, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEnginesAtOnce, startOn } from "./stages.ts";

// A dial never ends at ourselves: whoever answers DNS, or moves an address, could have a proxy relay to itself
// until nothing is left of it, or let its clients administer it.

setDefaultTimeout(60_000);

const SERVICE = "_redis._tcp.a.test";
const CLIENTS = 20;

/** What a test has for itself: a DNS server and a folder. */
class Place implements AsyncDisposable {
  private constructor(
    readonly authority: TestAuthority,
    readonly folder: string,
  ) {}

  static async make(): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "ringway-own-"));
    return new Place(await TestAuthority.start(), folder);
  }

  /** Flags of a proxy that asks its DNS server. */
  get dns(): string[] {
    const { host, port } = this.authority.server;
    return ["--dns-servers", `${host}:${port}`, "--stats", "json", "--eject-after", "0"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.authority[Symbol.dispose]();
    await rm(this.folder, { recursive: true });
  }
}

function tcp(port: number, host = "127.0.0.1"): Address {
  return { kind: "tcp", host, port };
}

/** A port that nobody has: it was somebody's a moment ago. */
function freePort(): number {
  const server = Bun.listen({ hostname: "0.0.0.0", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

/** What a client hears; empty when it is closed before. */
async function ask(address: Address, text = "hello"): Promise<string> {
  const client = await End.connect(address, (end) => {
    end.keeps = true;
  });
  client.send(text);
  await waitFor(() => client.closed || client.receivedBytes > 0, "it hears or is closed");
  client.reset();
  return client.text;
}

async function askMany(address: Address): Promise<Set<string>> {
  const heard = new Set<string>();
  for (let left = CLIENTS; left > 0; left--) heard.add(await ask(address));
  return heard;
}

/** Waits until all workers know that member. */
async function hasMember(admin: number, member: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${admin}/api/upstreams`, { proxy: "" });
    const { upstreams } = (await answer.json()) as { upstreams: { upstream: string }[] };
    if (upstreams.some(({ upstream }) => upstream === member)) break;
    await Bun.sleep(10);
  }
}

/** Stops it. @returns how many relays there were, and why they ended */
async function relaysOf(proxy: CliProcess) {
  const { code, out } = await proxy.stop();
  expect(code).toBe(0);
  const { relays, mirrors } = JSON.parse(out);
  return { accepted: relays.accepted as number, reasons: relays.reasons, mirrors };
}

onBothEnginesAtOnce("no relay ends at ourselves", (stage) => {
  test("by a name that is the listener, in whatever spelling", async () => {
    await using place = await Place.make();
    const { authority, dns } = place;
    const port = freePort();
    const own = ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0"];
    authority.addresses("self.test", own, 60);
    const args = ["-l", `[::]:${port}`, "-u", `self.test:${port}`, ...dns];
    await using proxy = startOn(stage, args);
    await proxy.port();
    expect(await askMany(tcp(port))).toEqual(new Set([""]));
    await proxy.logged(/upstream self\.test:\d+: a dial failed: own_address/);
    const { accepted, reasons } = await relaysOf(proxy);
    expect(reasons).toEqual({ own_address: CLIENTS });
    expect(accepted).toBe(CLIENTS);
  });

  test("by a name that comes to be the listener; what else it is gets relays", async () => {
    await using place = await Place.make();
    const { authority, dns } = place;
    const upstream = Upstream.listen(tcp(0, "127.0.0.2"), echo);
    const { port } = upstream.address as { port: number };
    authority.addresses("self.test", ["127.0.0.2"], 1);
    const args = ["-l", `127.0.0.1:${port}`, "-u", `self.test:${port}`, ...dns];
    await using proxy = startOn(stage, args);
    await proxy.port();
    expect(await ask(tcp(port))).toBe("hello");
    authority.addresses("self.test", ["127.0.0.1", "127.0.0.2"], 1);
    await proxy.logged(/self\.test resolves to 127\.0\.0\.1, 127\.0\.0\.2 now/);
    expect(await askMany(tcp(port))).toEqual(new Set(["hello"]));
    await proxy.logged(/host self\.test: 127\.0\.0\.1:\d+ may not be dialled: left out/);
    authority.addresses("self.test", ["::ffff:127.0.0.1"], 1);
    await proxy.logged(
      /self\.test resolves to ::ffff:127\.0\.0\.1 now|self\.test resolves to ::ffff:7f00:1 now/,
    );
    expect(await askMany(tcp(port))).toEqual(new Set([""]));
    const { accepted, reasons } = await relaysOf(proxy);
    expect(reasons.own_address).toBe(CLIENTS);
    expect(accepted).toBe(1 + 2 * CLIENTS);
    upstream.close();
  });

  test("by a name that leads to another listener, which leads back", async () => {
    await using place = await Place.make();
    const { authority, folder, dns } = place;
    const [first, second] = [freePort(), freePort()];
    authority.addresses("next.test", ["127.0.0.1"], 60);
    const path = join(folder, "ringway.toml");
    await writeFile(
      path,
      `[[listeners]]\nlisten = "127.0.0.1:${first}"\nupstreams = "next.test:${second}"\n` +
        `[[listeners]]\nlisten = "127.0.0.1:${second}"\nupstreams = "127.0.0.1:${first}"\n`,
    );
    await using proxy = startOn(stage, ["-c", path, ...dns]);
    await proxy.loggedTimes(/listening on/g, 2);
    // Straight to the name, or by the listener that somebody has configured.
    expect(await askMany(tcp(first))).toEqual(new Set([""]));
    expect(await ask(tcp(second))).toBe("");
    const { accepted } = await relaysOf(proxy);
    expect(accepted).toBe(CLIENTS + 2);
  });

  test("by a service that names the admin address, by itself or by a name", async () => {
    await using place = await Place.make();
    const { authority, dns } = place;
    const admin = freePort();
    const srv = (target: string) => {
      const record = { type: "SRV", ttl: 1, target, port: admin, priority: 0, weight: 1 } as const;
      authority.knows(SERVICE, "SRV", { records: [record] });
    };
    authority.addresses("admin.test", ["127.0.0.1"], 60);
    srv("127.0.0.1");
    const args = ["-l", "127.0.0.1:0", "-u", `srv:${SERVICE}`, "--admin", `127.0.0.1:${admin}`];
    await using proxy = startOn(stage, [...args, ...dns]);
    const port = await proxy.port();
    const drain = "POST /api/drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";
    await proxy.logged(/127\.0\.0\.1:\d+ is this very proxy: left out/);
    expect(await ask(tcp(port), drain)).toBe("");
    srv("localhost");
    await proxy.logged(/localhost:\d+ is this very proxy: left out/);
    expect(await ask(tcp(port), drain)).toBe("");
    srv("admin.test");
    await proxy.logged(/service \S+ changed: \+admin\.test/);
    await hasMember(admin, `admin.test:${admin}`);
    // A worker may hear of the member later than those who ask for upstreams: until then there is none.
    let asked = 2;
    let isTold = false;
    void proxy.logged(/upstream admin\.test:\d+: a dial failed: own_address/).then(() => {
      isTold = true;
    });
    for (; !isTold; asked++) expect(await ask(tcp(port), drain)).toBe("");
    const { no_upstream, own_address, ...others } = (await relaysOf(proxy)).reasons;
    expect(others).toEqual({});
    expect(no_upstream).toBeGreaterThanOrEqual(2);
    expect(no_upstream + own_address).toBe(asked);
  });

  test("by a mirror", async () => {
    await using place = await Place.make();
    const { authority, dns } = place;
    const upstream = Upstream.listen(tcp(0), echo);
    const { port: away } = upstream.address as { port: number };
    const port = freePort();
    authority.addresses("self.test", ["127.0.0.1"], 60);
    const args = ["-l", `127.0.0.1:${port}`, "-u", `127.0.0.1:${away}`];
    const mirror = ["--mirror", `self.test:${port}`];
    await using proxy = startOn(stage, [...args, ...mirror, ...dns]);
    await proxy.port();
    expect(await ask(tcp(port))).toBe("hello");
    await proxy.logged(/gave up the copy of relay \d+: own_address/);
    const { accepted, mirrors } = await relaysOf(proxy);
    expect(accepted).toBe(1);
    expect(mirrors[0]).toMatchObject({ begun: 1, completed: 0, dropped: { own_address: 1 } });
    upstream.close();
  });

  test("by another way to its socket", async () => {
    await using place = await Place.make();
    const { folder } = place;
    const [socket, link] = [join(folder, "in"), join(folder, "link")];
    const args = ["-l", `unix:${socket}`, "-u", `unix:${link}`, "--stats", "json"];
    await using proxy = startOn(stage, args);
    await proxy.logged(/listening on/);
    symlinkSync(socket, link);
    expect(await askMany({ kind: "unix", path: socket })).toEqual(new Set([""]));
    const { accepted, reasons } = await relaysOf(proxy);
    expect(reasons).toEqual({ own_address: CLIENTS });
    expect(accepted).toBe(CLIENTS);
  });

  test("the admin server, by a link that changes between the look and the dial", async () => {
    await using place = await Place.make();
    const { folder } = place;
    const [admin, real, link] = ["admin", "real", "link"].map((name) => join(folder, name));
    const upstream = Upstream.listen({ kind: "unix", path: real as string }, echo);
    symlinkSync(real as string, link as string);
    const args = ["-l", "127.0.0.1:0", "-u", `unix:${link}`, "--admin", `unix:${admin}`];
    await using proxy = startOn(stage, [...args, "--eject-after", "0", "--stats", "none"]);
    const port = await proxy.port();
    const turning = `
      const { renameSync, symlinkSync } = require("node:fs");
      const [link, ...targets] = process.argv.slice(-3);
      for (;;) for (const target of targets) {
        symlinkSync(target, link + ".new");
        renameSync(link + ".new", link);
      }`;
    const words = [process.execPath, "-e", turning, link, admin, real] as string[];
    await using _ = Bun.spawn(words, { stderr: "inherit" });
    const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const heard = new Set<string>();
    for (let left = 400; left > 0; left--) heard.add(await ask(tcp(port), request));
    // Both kinds of dial were tried, and neither got there.
    expect(heard).toEqual(new Set(["", request]));
    upstream.close();
  });

  const NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
  const isAllowed = Bun.spawnSync([...NETWORK, "true"]).success && Bun.which("nsenter") !== null;
  test.skipIf(!isAllowed)("by an address that this machine gets later", async () => {
    await using place = await Place.make();
    const { folder } = place;
    const socket = join(folder, "in");
    const args = ["-l", `unix:${socket}`, "-l", "0.0.0.0:7000", "-u", "10.9.9.9:7000"];
    await using proxy = startOn(stage, [...args, "--stats", "json", "--tries", "1"], NETWORK);
    await proxy.loggedTimes(/listening on/g, 2);
    expect(await ask({ kind: "unix", path: socket })).toBe("");
    // Bun says that it was refused where there is no way to it.
    await proxy.logged(/upstream 10\.9\.9\.9:7000: a dial failed: connect_/);
    const enter = ["nsenter", "--net", "-t", String(proxy.child.pid)];
    const added = Bun.spawnSync([...enter, "ip", "addr", "add", "10.9.9.9/32", "dev", "lo"]);
    expect(added.success).toBe(true);
    // Interfaces are looked at once a second.
    await Bun.sleep(1_100);
    expect(await askMany({ kind: "unix", path: socket })).toEqual(new Set([""]));
    const { accepted, reasons } = await relaysOf(proxy);
    expect(reasons.own_address).toBe(CLIENTS);
    expect(accepted).toBe(1 + CLIENTS);
  });

  test("but by a listener that somebody has configured as another one's upstream", async () => {
    await using place = await Place.make();
    const { folder } = place;
    const upstream = Upstream.listen(tcp(0), echo);
    const { port: away } = upstream.address as { port: number };
    const [first, second] = [freePort(), freePort()];
    const path = join(folder, "ringway.toml");
    await writeFile(
      path,
      `[[listeners]]\nlisten = "127.0.0.1:${first}"\n` +
        `upstreams = ["127.0.0.1:${second}", "localhost:${second}"]\n` +
        `[[listeners]]\nlisten = ":${second}"\nupstreams = "127.0.0.1:${away}"\n`,
    );
    await using proxy = startOn(stage, ["-c", path, "--stats", "json"]);
    await proxy.loggedTimes(/listening on/g, 2);
    expect(await askMany(tcp(first))).toEqual(new Set(["hello"]));
    const { accepted } = await relaysOf(proxy);
    expect(accepted).toBe(2 * CLIENTS);
    upstream.close();
  });

  test("nor does a check", async () => {
    await using place = await Place.make();
    const { authority, dns } = place;
    const admin = freePort();
    authority.addresses("admin.test", ["127.0.0.1"], 60);
    const upstream = Upstream.listen(tcp(0), echo);
    const { port: away } = upstream.address as { port: number };
    const args = ["-l", "127.0.0.1:0", "-u", `127.0.0.1:${away}`, "--admin", `127.0.0.1:${admin}`];
    const check = ["--check", "http", "--check-path", "/healthz", "--check-fall", "1"];
    const where = ["--check-address", `admin.test:${admin}`];
    await using proxy = startOn(stage, [...args, ...check, ...where, ...dns]);
    await proxy.logged(/is down: .*that is this very proxy/);
    await proxy.stop();
    upstream.close();
  });

  test("nor does the check of one upstream, at an address or at a port of its own host", async () => {
    await using place = await Place.make();
    const { authority, folder, dns } = place;
    const admin = freePort();
    authority.addresses("admin.test", ["127.0.0.1"], 60);
    const upstream = Upstream.listen(tcp(0), echo);
    const { port: away } = upstream.address as { port: number };
    const path = join(folder, "ringway.toml");
    await writeFile(
      path,
      `listen = "127.0.0.1:0"\nadmin = "127.0.0.1:${admin}"\ncheck = "http"\ncheckPath = "/healthz"\n` +
        `upstream = [{ address = "127.0.0.1:${away}", checkAddress = "admin.test:${admin}" },\n` +
        `{ address = "admin.test:${away}", checkAddress = ":${admin}" }]\n`,
    );
    await using proxy = startOn(stage, ["-c", path, ...dns]);
    await proxy.logged(/127\.0\.0\.1:\d+ is down: .*that is this very proxy/);
    await proxy.logged(/upstream admin\.test:\d+ is down: .*that is this very proxy/);
    await proxy.stop();
    upstream.close();
  });

  test("nor is an address of a checked name that is the listener found well", async () => {
    await using place = await Place.make();
    const { authority, dns } = place;
    const upstream = Upstream.listen(tcp(0, "127.0.0.2"), echo);
    const { port } = upstream.address as { port: number };
    authority.addresses("self.test", ["127.0.0.1", "127.0.0.2"], 1);
    const args = ["-l", `127.0.0.1:${port}`, "-u", `self.test:${port}`, "--check", "tcp"];
    await using proxy = startOn(stage, [...args, ...dns]);
    await proxy.port();
    await proxy.logged(/address 127\.0\.0\.1 is down: .*that is this very proxy/);
    expect(await askMany(tcp(port))).toEqual(new Set(["hello"]));
    // What it was before serves on: nothing that is well has come in its place.
    authority.addresses("self.test", ["127.0.0.1"], 1);
    await proxy.logged(/self\.test resolves to 127\.0\.0\.1 now/);
    expect(await askMany(tcp(port))).toEqual(new Set(["hello"]));
    const { accepted, reasons } = await relaysOf(proxy);
    expect(accepted).toBe(2 * CLIENTS);
    expect(reasons.own_address).toBeUndefined();
    upstream.close();
  });
});

describe("what is known at the start is refused then", () => {
  const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const outside = interfaces.find(({ internal, family }) => !internal && family === "IPv4");

  test.each([
    ["127.0.0.1", "[::ffff:127.0.0.1]"],
    ["[::ffff:127.0.0.1]", "127.0.0.1"],
    ["0.0.0.0", "127.8.8.8"],
    ["127.0.0.1", "0.0.0.0"],
    ["[::1]", "[0:0:0:0:0:0:0:1]"],
    ["[::1]", "[::]"],
    ...(outside === undefined ? [] : [["0.0.0.0", outside.address] as const]),
  ])("a listener on %s with the upstream %s", async (listen, upstream) => {
    const port = freePort();
    const { code, err } = await runCli("-l", `${listen}:${port}`, "-u", `${upstream}:${port}`);
    expect(err).toContain("itself: relays would loop");
    expect(code).toBe(2);
  });

  test("the admin server as an upstream, a mirror, or what is checked; by a check and a reload, too", async () => {
    await using place = await Place.make();
    const { folder } = place;
    const admin = freePort();
    const told = `is the admin server 127.0.0.1:${admin} itself`;
    const all = ["-l", "127.0.0.1:0", "--admin", `127.0.0.1:${admin}`];
    for (const more of [
      ["-u", `127.0.0.1:${admin}`],
      ["-u", `[::ffff:127.0.0.1]:${admin}`],
      ["-u", "127.0.0.1:1", "--mirror", `localhost:${admin}`],
      ["-u", "127.0.0.1:1", "--check", "tcp", "--check-address", `127.0.0.1:${admin}`],
    ]) {
      const { code, err } = await runCli(...all, ...more);
      expect(err).toContain(told);
      expect(code).toBe(2);
    }
    const path = join(folder, "ringway.toml");
    const text = (port: number) =>
      `admin = "127.0.0.1:${admin}"\nlisten = "127.0.0.1:0"\nupstream = "127.0.0.1:${port}"\n`;
    await writeFile(path, text(admin));
    const checked = await runCli("check", path);
    expect(checked.err).toContain(told);
    expect(checked.code).toBe(2);
    await writeFile(path, text(1));
    await using proxy = startOn({ engine: "sockets", workers: 1 }, ["-c", path]);
    await proxy.port();
    await writeFile(path, text(admin));
    proxy.child.kill("SIGHUP");
    await proxy.logged(new RegExp(told));
    await proxy.stop();
  });
});

test("a library's proxy does not dial itself either, whatever port it got", async () => {
  const reasons: string[] = [];
  const ended = {
    relayEnded: ({ reason }: { reason: string | null }) => reasons.push(`${reason}`),
  };
  await using proxy = await createProxy(
    { listen: "127.0.0.1:0", upstream: "127.0.0.1:1", ejectAfter: 0 },
    ended as never,
  );
  const port = Number(proxy.addresses[0]?.split(":").at(-1));
  for (const host of ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost"]) {
    await proxy.reload({ listen: "127.0.0.1:0", upstream: `${host}:${port}`, ejectAfter: 0 });
    expect(await ask(tcp(port))).toBe("");
  }
  await waitFor(() => proxy.stats().relays.running === 0, "all are over");
  expect(proxy.stats().relays).toMatchObject({ accepted: 3, reasons: { own_address: 3 } });
});
