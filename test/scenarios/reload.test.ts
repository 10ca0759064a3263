import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// A running program takes another configuration: by SIGHUP, and by itself when it is told to watch.

setDefaultTimeout(30_000);

const engines =
  process.platform === "linux" ? (["sockets", "auto"] as const) : (["sockets"] as const);

let folder = "";
let upstream: Upstream;
let target = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-reload-"));
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  if (upstream.address.kind !== "tcp") throw new Error("it has a port");
  target = `127.0.0.1:${upstream.address.port}`;
});

afterAll(async () => {
  upstream.close();
  await rm(folder, { recursive: true });
});

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function connect(port: number): Promise<End> {
  const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
  await echoed(end, 10);
  return end;
}

/** It gets so many more bytes back. */
async function echoed(end: End, total: number): Promise<void> {
  const before = end.receivedBytes;
  end.offer({ seed: 1, total });
  await waitFor(() => end.receivedBytes === before + total, `an echo of ${total} bytes`);
}

/** Clients come, and stay, until one is let in, or is not. */
async function comeUntil(port: number, isLetIn: boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
    end.offer({ seed: 1, total: 10 });
    await waitFor(() => end.closed || end.receivedBytes === 10, "an echo, or its end");
    if (!end.closed === isLetIn) return;
    await Bun.sleep(20);
  }
  throw new Error(`no client was ${isLetIn ? "let in" : "refused"}`);
}

/** A port that was free just now. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

describe.each(engines)("with engine %s", (engine) => {
  test("SIGHUP: listeners come and go, and running relays never notice", async () => {
    const [one, two] = [freePort(), freePort()];
    const listen = (port: number) =>
      `[[listeners]]\nlisten = "127.0.0.1:${port}"\nupstreams = "${target}"\n`;
    const path = await write(`${engine}.toml`, listen(one));
    await using proxy = new CliProcess(["-c", path, "-e", engine, "--drain-timeout", "0"]);
    await proxy.port();
    const old = await connect(one);

    await writeFile(path, listen(two));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: 1 listener added, 1 listener removed, 0 relays cut/);
    await connect(two);
    await expect(connect(one)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await echoed(old, 10_000);

    // What is wrong is told, all of it, and changes nothing.
    await writeFile(path, `mode = "both"\n${listen(two)}upsteams = "x"\n`);
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: the new configuration is not applied, the old one stays/);
    const told = await proxy.logged(/reload: .*mode "both"/);
    expect(told).not.toBeNull();
    await proxy.logged(/reload: .*upsteams/);
    await connect(two);

    // An address that is taken: nothing of it is done.
    const busy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    await writeFile(path, listen(one) + listen(busy.port) + listen(two));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/reload: cannot listen on .*the port is in use already/);
    busy.stop(true);
    await expect(connect(one)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await connect(two);

    await writeFile(path, `workers = 3\n${listen(two)}`);
    proxy.child.kill("SIGHUP");
    await proxy.logged(/workers: a restart changes that, a reload does not/);
    await echoed(old, 10);
    old.finish();
    const { code } = await proxy.stop();
    expect(code).toBe(0);
  });

  test("SIGHUP: relays that end with their upstream are told", async () => {
    const other = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    if (other.address.kind !== "tcp") throw new Error("it has a port");
    const port = freePort();
    const text = (place: string, onRemove: string) =>
      `listen = "127.0.0.1:${port}"\nupstream = "${place}"\nonRemove = "${onRemove}"\n`;
    const path = await write(`removed-${engine}.toml`, text(target, "close"));
    await using proxy = new CliProcess(["-c", path, "-e", engine, "--drain-timeout", "0"]);
    await proxy.port();
    const [one, two] = [await connect(port), await connect(port)];
    await writeFile(path, text(`127.0.0.1:${other.address.port}`, "keep"));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/1 upstream removed, 2 relays end with their upstreams/);
    await waitFor(() => one.closed && two.closed, "their ends");
    const three = await connect(port);
    await writeFile(path, text(target, "keep"));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/1 upstream removed, 0 relays cut/);
    await echoed(three, 10);
    await proxy.stop();
    other.close();
  });

  test.skipIf(process.platform !== "linux").each([1, 2])(
    "SIGHUP: a listener takes the place of one that it overlaps, and back, with %i workers",
    async (workers) => {
      const port = freePort();
      const text = (listen: string) => `listen = ${listen}\nupstream = "${target}"\n`;
      const [narrow, wide] = [`"127.0.0.1:${port}"`, `"0.0.0.0:${port}"`];
      const path = await write(`overlap-${engine}.toml`, text(narrow));
      const flags = ["-c", path, "-e", engine, "-w", String(workers), "--drain-timeout", "0"];
      await using proxy = new CliProcess(flags);
      await proxy.port();
      const old = await connect(port);
      for (const [round, listen] of [
        wide,
        `":${port}"`,
        narrow,
        `[${narrow}, ${wide}]`,
      ].entries()) {
        await writeFile(path, text(listen));
        proxy.child.kill("SIGHUP");
        await proxy.loggedTimes(/SIGHUP: 1 listener added/g, round + 1);
        const end = await connect(port);
        await echoed(end, 10);
        end.finish();
        await echoed(old, 10);
      }
      old.finish();
      await proxy.stop();
    },
  );

  test("SIGHUP: what is in a file of networks, and the limit of all listeners, holds for all of them", async () => {
    const networks = await write(`networks-${engine}.txt`, "10.0.0.0/8\n");
    const port = freePort();
    const listener = `listen = "127.0.0.1:${port}"\nupstream = "${target}"\n`;
    const text = (most: number) => `totalRelays = ${most}\ndeny = "file:${networks}"\n${listener}`;
    const path = await write(`edge-${engine}.toml`, text(0));
    await using proxy = new CliProcess(["-c", path, "-e", engine, "--drain-timeout", "0"]);
    await proxy.port();
    const old = await connect(port);

    await writeFile(networks, "127.0.0.0/8\n");
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: 1 listener changed, 0 relays cut/);
    await comeUntil(port, false);
    await writeFile(networks, "10.0.0.0/8\nnobody\n");
    proxy.child.kill("SIGHUP");
    await proxy.logged(/networks-.*:2: .*nobody/);
    await writeFile(networks, "10.0.0.0/8\n");
    proxy.child.kill("SIGHUP");
    await comeUntil(port, true);

    await writeFile(path, text(1));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: limit of all relays changed, 0 relays cut/);
    await comeUntil(port, false);
    await writeFile(path, text(0));
    proxy.child.kill("SIGHUP");
    await comeUntil(port, true);
    await echoed(old, 10);
    await proxy.stop();
  });

  test("--watch: the file is read when it has changed, also by another in its place", async () => {
    const [one, two, three] = [freePort(), freePort(), freePort()];
    const text = (port: number) => `listen = "127.0.0.1:${port}"\nupstream = "${target}"\n`;
    const path = await write(`watched-${engine}.toml`, text(one));
    await using proxy = new CliProcess([
      "-c",
      path,
      "--watch",
      "-e",
      engine,
      "--drain-timeout",
      "0",
    ]);
    await proxy.port();
    await connect(one);
    await writeFile(path, text(two));
    await proxy.logged(new RegExp(`listening on 127.0.0.1:${two}`));
    await connect(two);
    // As editors and deployments do it.
    await rename(await write(`new-${engine}.toml`, text(three)), path);
    await proxy.logged(new RegExp(`listening on 127.0.0.1:${three}`));
    await connect(three);
    // Cut short by an accident: no demo takes the place of what runs.
    await writeFile(path, "");
    await proxy.logged(/reload: .*toml: is empty, without any key: expected at least one upstream/);
    await proxy.logged(
      /the file has changed: the new configuration is not applied, the old one stays/,
    );
    await connect(three);
    await proxy.stop();
  });
});

test("a module is read anew, and not remembered", async () => {
  const [one, two] = [freePort(), freePort()];
  const text = (port: number) =>
    `export default { listen: "127.0.0.1:${port}", upstream: "${target}" };`;
  const path = await write("config.ts", text(one));
  await using proxy = new CliProcess(["-c", path, "--drain-timeout", "0"]);
  await proxy.port();
  await writeFile(path, text(two));
  proxy.child.kill("SIGHUP");
  await proxy.logged(new RegExp(`listening on 127.0.0.1:${two}`));
  await connect(two);
  await proxy.stop();
});

test("SIGHUP without a file changes nothing and ends nothing", async () => {
  await using proxy = new CliProcess(["-l", "127.0.0.1:0", "-u", target, "--drain-timeout", "0"]);
  const port = await proxy.port();
  proxy.child.kill("SIGHUP");
  await proxy.logged(/SIGHUP: nothing changes/);
  await connect(port);
  await proxy.stop();
});

test("--watch follows a folder that is a link, as releases are deployed", async () => {
  for (const release of ["one", "two"]) {
    await mkdir(join(folder, "releases", release), { recursive: true });
    const content = `listen = "127.0.0.1:0"\nupstream = "127.0.0.1:1"\ntries = ${release === "one" ? 1 : 2}\n`;
    await writeFile(join(folder, "releases", release, "r.toml"), content);
  }
  const current = join(folder, "releases/current");
  await symlink("one", current);
  await using proxy = new CliProcess(["-c", join(current, "r.toml"), "--watch"]);
  await proxy.port();
  await symlink("two", `${current}.new`);
  await rename(`${current}.new`, current);
  await proxy.logged(/the file has changed: 1 listener changed/);
  await proxy.stop();
});

test("--watch without a file is refused", async () => {
  const { code, err } = await new CliProcess(["--watch"]).finished();
  expect({ code, err }).toEqual({
    code: 2,
    err: expect.stringContaining("--watch needs a file to watch: --config FILE"),
  });
});
