import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, type Stage, startOn } from "../hostile/stages.ts";

// Who may connect to unix sockets and read the access log, whatever the umask is.

const folder = mkdtempSync(join(tmpdir(), "ringway-unix-"));
afterAll(() => rmSync(folder, { recursive: true }));
const isRoot = process.getuid?.() === 0;

let names = 0;
function fresh(): string {
  return join(folder, `${++names}`);
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

/** The program under a umask. */
function underUmask(umask: string, stage: Stage, args: readonly string[]): CliProcess {
  return startOn(stage, args, ["bash", "-c", `umask ${umask}; exec "$@"`, "ringway"]);
}

onBothEngines("access", (stage) => {
  test.each(["000", "022", "077"])("under umask %s the defaults are the same", async (umask) => {
    const [socket, admin, log] = [fresh(), fresh(), fresh()];
    await using proxy = underUmask(umask, stage, [
      ...["-l", `unix:${socket}`, "--admin", `unix:${admin}`, "--access-log", log],
    ]);
    await proxy.logged(/listening on /);
    expect([socket, admin, log].map(modeOf)).toEqual(["600", "600", "640"]);
  });

  test.each(["000", "077"])("under umask %s they are what is asked for", async (umask) => {
    const [socket, admin, log] = [fresh(), fresh(), fresh()];
    const owners = isRoot ? ["--unix-user", "65534", "--unix-group", "65533"] : [];
    await using proxy = underUmask(umask, stage, [
      ...["-l", `unix:${socket}`, "--admin", `unix:${admin}`, "--access-log", log],
      ...["--unix-mode", "0666", "--access-log-mode", "0604", ...owners],
      ...(isRoot ? ["--access-log-group", "65533"] : []),
    ]);
    await proxy.logged(/listening on /);
    expect([socket, admin, log].map(modeOf)).toEqual(["666", "666", "604"]);
    if (!isRoot) return;
    for (const path of [socket, admin]) {
      expect(statSync(path)).toMatchObject({ uid: 65_534, gid: 65_533 });
    }
    expect(statSync(log)).toMatchObject({ uid: 0, gid: 65_533 });
  });

  test("a reload changes them", async () => {
    const [socket, file] = [fresh(), `${fresh()}.toml`];
    const write = (mode: string) =>
      writeFileSync(
        file,
        `listen = "unix:${socket}"\nupstream = "127.0.0.1:1"\nunixMode = "${mode}"\n`,
      );
    write("0600");
    await using proxy = startOn(stage, ["-c", file]);
    await proxy.logged(/listening on /);
    expect(modeOf(socket)).toBe("600");
    write("0660");
    proxy.child.kill("SIGHUP");
    await waitFor(() => modeOf(socket) === "660", "it is open to the group");
  });
});

test("an access log that is there keeps its permissions", async () => {
  const log = fresh();
  writeFileSync(log, "", { mode: 0o604 });
  await using proxy = new CliProcess(["-l", "127.0.0.1:0", "--access-log", log]);
  await proxy.port();
  expect(modeOf(log)).toBe("604");
});

test.each([
  ["--unix-mode", "660x", "permissions as a text of three octal digits"],
  ["--unix-user", "no-such-user", "a user of this machine"],
  ["--unix-group", "4294967295", "a group of this machine"],
])("%s %s is refused", async (flag, value, expected) => {
  await using proxy = new CliProcess(["-l", "127.0.0.1:0", flag, value]);
  const { code, err } = await proxy.finished();
  expect(code).toBe(2);
  expect(err).toContain(`"${value}": expected ${expected}`);
});
