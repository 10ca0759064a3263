import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile, link, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TlsClient } from "../clients/tls-client.ts";
import { alone, expired, named, server, type TestCertificate } from "../fixtures/certificates.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Certificates that change while the program runs. Each case has a program of its own and mostly waits for its looks:
// they run side by side.

setDefaultTimeout(60_000);

let root = "";
let upstream: Upstream;
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ringway-certificates-"));
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
});

afterAll(async () => {
  upstream.close();
  await rm(root, { recursive: true });
});

/** A folder of its own with a certificate in it: `tls.crt` and `tls.key`. */
async function folderWith(one: TestCertificate): Promise<string> {
  const folder = join(root, String(++count));
  await mkdir(folder);
  await put(folder, one);
  return folder;
}

async function put(folder: string, { cert, key }: TestCertificate): Promise<void> {
  await writeFile(join(folder, "tls.crt"), cert);
  await writeFile(join(folder, "tls.key"), key);
}

/** Puts a file in the place of another one, at once, as certbot does. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** A proxy that ends TLS with the certificate of a folder. */
function proxyWith(folder: string, ...more: string[]): CliProcess {
  const { port } = upstream.address as { port: number };
  const pair = ["--tls-cert", join(folder, "tls.crt"), "--tls-key", join(folder, "tls.key")];
  const where = ["--listen", "127.0.0.1:0", "--upstream", `127.0.0.1:${port}`];
  return new CliProcess([...where, ...pair, "--stats", "none", ...more]);
}

/** The common name of the certificate that a new client is shown. */
async function shownAt(port: number): Promise<string> {
  const one = await TlsClient.open(port, { servername: "up.example" });
  const { shown } = one;
  one.close();
  return shown;
}

async function untilShown(port: number, name: string): Promise<void> {
  await waitFor(async () => (await shownAt(port)) === name, `new clients are shown ${name}`);
}

describe.each([1, 2])("%p workers", (workers) => {
  test.concurrent("new clients get the new certificate, and connections go on", async () => {
    const folder = await folderWith(server);
    await using proxy = proxyWith(folder, "--workers", `${workers}`);
    const port = await proxy.port();
    const old = await TlsClient.open(port, { servername: "up.example" });
    await put(folder, named);
    await proxy.logged(/the certificate of localhost is renewed/);
    for (let i = 0; i < 8; i++) expect(await shownAt(port)).toBe("named");
    expect(await old.echo("still there")).toBe("still there");
    old.close();
  });
});

test.concurrent("a key comes before its certificate: nothing happens until they belong together", async () => {
  const folder = await folderWith(server);
  await using proxy = proxyWith(folder);
  const port = await proxy.port();
  await replace(join(folder, "tls.key"), named.key);
  // Longer than it takes until the files are read.
  await Bun.sleep(1_000);
  expect(await shownAt(port)).toBe("server");
  await replace(join(folder, "tls.crt"), named.cert);
  await untilShown(port, "named");
  const { err } = await proxy.stop();
  expect(err).not.toContain("not renewed");
});

test.concurrent("Kubernetes swaps the link of a folder", async () => {
  const folder = join(root, String(++count));
  for (const [name, one] of [
    ["..1", server],
    ["..2", named],
  ] as const) {
    await mkdir(join(folder, name), { recursive: true });
    await put(join(folder, name), one);
  }
  await symlink("..1", join(folder, "..data"));
  for (const name of ["tls.crt", "tls.key"]) await symlink(`..data/${name}`, join(folder, name));
  await using proxy = proxyWith(folder);
  const port = await proxy.port();
  for (const [target, name] of [
    ["..2", "named"],
    ["..1", "server"],
  ] as const) {
    await symlink(target, join(folder, "..new"));
    await rename(join(folder, "..new"), join(folder, "..data"));
    await untilShown(port, name);
  }
});

test.concurrent("where nothing reports a change, a look finds it", async () => {
  const folder = await folderWith(server);
  const elsewhere = join(root, String(++count));
  await mkdir(elsewhere);
  // A file of several names changes, and only one of its folders is told.
  for (const name of ["tls.crt", "tls.key"]) await link(join(folder, name), join(elsewhere, name));
  await using proxy = proxyWith(folder);
  const port = await proxy.port();
  expect(await shownAt(port)).toBe("server");
  // The first look is over, which would find it.
  await Bun.sleep(1_500);
  await put(elsewhere, named);
  await untilShown(port, "named");
});

test.concurrent.each([
  [
    "a broken certificate",
    { ...named, cert: named.cert.slice(0, 300) },
    /its certificate 1 is broken/,
  ],
  ["a key of another one", { ...named, key: alone.key }, /is not the key of cert/],
  ["an expired one", expired, /has expired on 2020-02-01/],
] as const)("%s is reported, and the old one stays", async (_, wrong, why) => {
  const folder = await folderWith(server);
  await using proxy = proxyWith(folder);
  const port = await proxy.port();
  await put(folder, wrong);
  const [line] = await proxy.logged(/.*is not renewed, the old one stays.*/);
  expect(line).toMatch(why);
  expect(await shownAt(port)).toBe("server");
  await put(folder, named);
  await untilShown(port, "named");
  const { err } = await proxy.stop();
  expect(err.match(/is not renewed/g)).toHaveLength(1);
});

test.concurrent("other settings of the file wait for a reload", async () => {
  const folder = await folderWith(server);
  const { port: to } = upstream.address as { port: number };
  const config = join(folder, "ringway.toml");
  const text = (more: string) => `
listen = "127.0.0.1:0"
upstream = "127.0.0.1:${to}"
tlsCert = "${join(folder, "tls.crt")}"
tlsKey = "${join(folder, "tls.key")}"
${more}`;
  await writeFile(config, text(""));
  await using proxy = new CliProcess(["--config", config, "--stats", "none"]);
  const port = await proxy.port();
  await writeFile(config, text('allow = "192.0.2.1"'));
  await put(folder, named);
  await untilShown(port, "named");
  const { err } = await proxy.stop();
  expect(err).not.toContain("changed");
});

test.concurrent("a reload takes what was renewed for unchanged, and a new path is watched", async () => {
  const folder = await folderWith(server);
  const { port: to } = upstream.address as { port: number };
  const config = join(folder, "ringway.toml");
  const text = (where: string) => `
listen = "127.0.0.1:0"
upstream = "127.0.0.1:${to}"
tlsCert = "${join(where, "tls.crt")}"
tlsKey = "${join(where, "tls.key")}"
`;
  await writeFile(config, text(folder));
  await using proxy = new CliProcess(["--config", config, "--stats", "none"]);
  const port = await proxy.port();
  await put(folder, named);
  await untilShown(port, "named");
  proxy.child.kill("SIGHUP");
  await proxy.logged(/SIGHUP: nothing changes/);
  const elsewhere = await folderWith(server);
  await writeFile(config, text(elsewhere));
  proxy.child.kill("SIGHUP");
  await untilShown(port, "server");
  await copyFile(join(folder, "tls.key"), join(elsewhere, "tls.key"));
  await copyFile(join(folder, "tls.crt"), join(elsewhere, "tls.crt"));
  await untilShown(port, "named");
});

describe("the API and metrics", () => {
  const ask = async (port: number, path: string, method = "GET") => {
    const headers = { "X-Ringway": "1" };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
    const text = await answer.text();
    return { status: answer.status, text, json: path.startsWith("/api") ? JSON.parse(text) : null };
  };

  test.concurrent("list certificates, and read them again when asked", async () => {
    const folder = await folderWith(server);
    await using proxy = proxyWith(folder, "--admin", "127.0.0.1:0");
    const port = await proxy.port();
    const admin = Number((await proxy.logged(/http:\/\/127\.0\.0\.1:(\d+)/))[1]);
    const { json } = await ask(admin, "/api/certificates");
    const expiresAt = Date.UTC(2120, 0, 1);
    expect(json.certificates).toEqual([
      {
        listener: `127.0.0.1:${port}`,
        name: "localhost",
        names: ["localhost", "up.example"],
        validFrom: Date.UTC(2020, 0, 1),
        expiresAt,
      },
    ]);
    const state = await ask(admin, "/api/state");
    expect(state.json.listeners[0].certificate).toEqual({ name: "localhost", expiresAt, count: 1 });
    const labels = `{listener="127.0.0.1:${port}",name="localhost"}`;
    expect((await ask(admin, "/metrics")).text).toContain(
      `ringway_certificate_expiry_timestamp_seconds${labels} ${expiresAt / 1_000}`,
    );
    expect((await ask(admin, "/api/certificates", "POST")).json).toEqual({ renewed: [] });
    await put(folder, expired);
    const refused = await ask(admin, "/api/certificates", "POST");
    expect(refused.status).toBe(422);
    expect(refused.json.problems).toEqual([
      `the certificate of localhost: "${join(folder, "tls.crt")}": has expired on 2020-02-01`,
    ]);
    expect(refused.text).not.toContain("PRIVATE KEY");
    await put(folder, named);
    const { json: done } = await ask(admin, "/api/certificates", "POST");
    // The watch may have been faster.
    expect([["the certificate of localhost"], []]).toContainEqual(done.renewed);
    expect(await shownAt(port)).toBe("named");
  });
});
