import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import type { Hello } from "../../src/entry/tls-hello/hello.ts";
import { HelloReader } from "../../src/entry/tls-hello/reader.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import {
  helloOfBun,
  helloOfChromium,
  helloOfOpenssl,
  inRecords,
  messageIn,
} from "../fixtures/hellos.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { stages } from "../hostile/stages.ts";
import { findProgram, startOnFreePort } from "./programs.ts";

// Routes by SNI and ALPN with real TLS clients and servers: OpenSSL's, curl and Bun.

setDefaultTimeout(60_000);

const OPENSSL = findProgram("openssl");
const CURL = findProgram("curl");
const CHROMIUM = findProgram("chromium");
const engines = stages.filter(({ workers }) => workers === 1);

let folder = "";
const servers: { readonly port: number; readonly child: Bun.Subprocess }[] = [];

/** `openssl s_server` with a certificate for this name, which it answers requests with. */
async function serverFor(name: string): Promise<void> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name},DNS:*.${name}`];
  const files = ["-nodes", "-days", "2", "-keyout", key, "-out", cert];
  expect(await Bun.spawn([...make, ...names, ...files], { stderr: "ignore" }).exited).toBe(0);
  const started = await startOnFreePort(
    (port) => [
      "openssl",
      "s_server",
      "-accept",
      `127.0.0.1:${port}`,
      "-cert",
      cert,
      "-key",
      key,
      "-www",
      "-alpn",
      "http/1.1",
    ],
    async (port) => {
      const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port }).catch(() => null);
      end?.reset();
      return end !== null;
    },
  );
  servers.push(started);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-routes-"));
  if (OPENSSL === null) return;
  await serverFor("a.test");
  await serverFor("b.test");
});

afterAll(async () => {
  for (const { child } of servers) child.kill();
  await rm(folder, { recursive: true });
});

/** Who the server is, as its certificate says, or the alert of who refuses. */
async function whoAnswers(port: number, ...args: readonly string[]): Promise<string> {
  const command = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const said = `${out}${err}`;
  return /subject=CN ?= ?(\S+)/.exec(said)?.[1] ?? /alert number (\d+)/.exec(said)?.[0] ?? said;
}

const offers = ["h2", "http/1.1"];
/** What real clients begin with that ask for a.test. */
const hellos = [
  ["openssl, TLS 1.3", OPENSSL, () => helloOfOpenssl("-servername", "a.test", ...alpn)],
  ["openssl, TLS 1.2", OPENSSL, () => helloOfOpenssl("-servername", "a.test", "-tls1_2", ...alpn)],
  ["Bun", "", () => helloOfBun("a.test", offers)],
  ["chromium", CHROMIUM, () => helloOfChromium(CHROMIUM ?? "", "a.test")],
] as const;
const alpn = ["-alpn", offers.join(",")];

/** Reads a stream in two pieces. */
function helloIn(stream: Uint8Array, cut: number): Hello | null {
  const reader = new HelloReader();
  reader.push(stream.subarray(0, cut));
  if (!reader.isOver) reader.push(stream.subarray(cut));
  return reader.hello;
}

for (const [name, program, get] of hellos) {
  test.if(program !== null)(`a hello of ${name} is read however it is cut`, async () => {
    const stream = await get();
    const expected = { isTls: true, name: "a.test", alpn: offers };
    const whole = helloIn(stream, 1);
    expect(whole).toMatchObject(expected);
    for (const size of [1, 100, 16_384]) {
      const records = inRecords(messageIn(stream), size);
      // A record of one byte has six: every place within one, in one of seven.
      const step = size === 1 ? 7 : 1;
      for (let cut = 1; cut < records.length; cut += step) {
        const hello = helloIn(records, cut);
        if (!Bun.deepEquals(hello, whole)) throw new Error(`cut at ${cut} of ${size}`);
      }
    }
  });
}

describe.each(engines)("$engine", (stage) => {
  const start = (routes: string, ...more: readonly string[]) =>
    new CliProcess(["-e", stage.engine, "-l", "127.0.0.1:0", ...more, "--routes", routes]);

  test.if(OPENSSL !== null && CURL !== null)(
    "openssl, curl and Bun get the server that they ask for",
    async () => {
      const [a, b] = servers.map(({ port }) => `127.0.0.1:${port}`) as [string, string];
      const routes = `a.test=${a},*.b.test+b.test=${b},alpn:only-b=${b}`;
      await using proxy = start(routes, "-u", a, "-u", b);
      const port = await proxy.port();
      for (const version of ["-tls1_2", "-tls1_3"]) {
        const ask = (...args: string[]) => whoAnswers(port, version, ...args);
        expect(await ask("-servername", "a.test")).toBe("a.test");
        expect(await ask("-servername", "B.Test")).toBe("b.test");
        expect(await ask("-servername", "x.y.b.test", "-alpn", "h2,http/1.1")).toBe("b.test");
        expect(await ask("-servername", "c.test")).toBe("alert number 112");
        expect(await ask("-noservername")).toBe("alert number 112");
      }
      for (const name of ["a.test", "b.test"]) {
        const ca = join(folder, `${name}.crt`);
        const where = ["--resolve", `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`];
        const child = Bun.spawn(["curl", "-s", "--cacert", ca, ...where], { stdout: "pipe" });
        expect(await child.stdout.text()).toContain("s_server");
        expect(await child.exited).toBe(0);
        const url = `https://127.0.0.1:${port}/`;
        const tls = { serverName: name, ca: await Bun.file(ca).text() };
        const answer = await fetch(url, { tls, headers: { host: name } });
        expect(await answer.text()).toContain("s_server");
      }
      const { out } = await proxy.stop();
      expect(out).toContain("tls_no_route");
    },
  );

  test.if(OPENSSL !== null)(
    "a real hello goes its way however it is cut, behind PROXY headers, too",
    async () => {
      const got = new Map<string, number>();
      const upstreamFor = (name: string) =>
        Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, (end) => {
          end.onData = (_, bytes) => {
            got.set(name, (got.get(name) ?? 0) + bytes.length);
            end.send(bytes);
          };
        });
      const [right, wrong] = [upstreamFor("right"), upstreamFor("wrong")];
      const to = [right, wrong].map(({ address }) =>
        address.kind === "tcp" ? `127.0.0.1:${address.port}` : "",
      ) as [string, string];
      const upstreams = to.flatMap((one) => ["-u", one]);
      const proxied = ["--proxy-protocol", "optional", "--proxy-protocol-from", "127.0.0.0/8"];
      await using proxy = start(`a.test=${to[0]},default=${to[1]}`, ...upstreams, ...proxied);
      const port = await proxy.port();
      const source = encodeSockaddr({ kind: "tcp", host: "10.0.0.9", port: 4711 });
      const header = (version: 1 | 2) =>
        writeProxyHeader({
          version,
          command: "proxy",
          source,
          destination: source,
          tlvs: [],
          crc32c: version === 2,
        });
      const plain = new Uint8Array(0);
      const there = hellos.filter(([, program]) => program !== null);
      let expected = 0;
      const jobs: (() => Promise<void>)[] = [];
      for (const hello of await Promise.all(there.map(([, , get]) => get()))) {
        for (const size of [1, 100, 16_384]) {
          for (const first of [plain, header(1), header(2)]) {
            const records = inRecords(messageIn(hello), size);
            const stream = Buffer.concat([first, records]);
            // The reader is given all cuts above; here it is about who brings it the pieces.
            const step = first === plain && size === 16_384 ? 13 : 97;
            for (let cut = 1; cut < stream.length; cut += step) {
              expected += records.length;
              jobs.push(async () => {
                const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
                client.send(stream.subarray(0, cut));
                await Bun.sleep(1);
                client.send(stream.subarray(cut));
                await waitFor(() => client.receivedBytes === records.length, "it is answered");
                client.reset();
              });
            }
          }
        }
      }
      const work = async () => {
        for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await job();
      };
      await Promise.all(Array.from({ length: 30 }, work));
      expect([got.get("right"), got.get("wrong")]).toEqual([expected, undefined]);
      for (const upstream of [right, wrong]) upstream.close();
    },
  );

  test.if(OPENSSL !== null)("a reload changes where names lead, and no relay", async () => {
    const [a, b] = servers.map(({ port }) => `127.0.0.1:${port}`) as [string, string];
    const file = join(folder, `${stage.engine}.toml`);
    const write = (to: string) =>
      Bun.write(
        file,
        `listen = "127.0.0.1:0"\nupstream = ["${a}", "${b}"]\n` +
          `routes = [{ names = ["x.test"], upstreams = ["${to}"] }]\n`,
      );
    await write(a);
    await using proxy = new CliProcess(["-e", stage.engine, "-c", file]);
    const port = await proxy.port();
    expect(await whoAnswers(port, "-servername", "x.test")).toBe("a.test");
    // OpenSSL's server answers one client after the other: it has this one from now on.
    const kept = Bun.spawn(
      ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-servername", "x.test", "-quiet"],
      { stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    );
    const { value: verified } = await kept.stderr.getReader().read();
    expect(new TextDecoder().decode(verified)).toStartWith("depth=");
    await write(b);
    proxy.child.kill("SIGHUP");
    await proxy.logged(/1 listener changed/);
    expect(await whoAnswers(port, "-servername", "x.test")).toBe("b.test");
    kept.stdin.write("GET / HTTP/1.0\r\n\r\n");
    await kept.stdin.flush();
    expect(await kept.stdout.text()).toContain("s_server");
  });
});
