import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { waitFor } from "../fixtures/wait.ts";

// Whoever may write to the log's folder must not say which other file ringway, perhaps as root, writes to.

setDefaultTimeout(20_000);

let folder = "";
const path = (name: string) => join(folder, name);
const text = async (name: string) => await Bun.file(path(name)).text();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-access-log-"));
  await Bun.write(path("victim"), "untouched\n");
});

afterAll(() => rm(folder, { recursive: true }));

/** A relay from its beginning to its end. */
async function relay(port: number): Promise<void> {
  const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
  end.finish();
  await waitFor(() => end.closed, "the relay is over");
}

function start(name: string): CliProcess {
  return new CliProcess(["-l", "127.0.0.1:0", "-m", "sink", "--access-log", path(name)]);
}

/** Waits until the file has that many lines. */
async function lines(name: string, count: number): Promise<void> {
  let found = 0;
  await waitFor(
    async () => {
      found = (await text(name)).split("\n").length - 1;
      return found >= count;
    },
    () => `${name} has ${count} lines, not ${found}`,
  );
}

test("a link that is there at the start is refused", async () => {
  symlinkSync(path("victim"), path("a"));
  const { code, err } = await runCli("-m", "sink", "-l", "127.0.0.1:0", "--access-log", path("a"));
  const why = "it is a symbolic link, which is not followed: name the file itself";
  const sentence = `ringway: cannot write the access log ${path("a")}: ${why}\n`;
  expect({ code, err }).toEqual({ code: 1, err: sentence });
  // One that leads nowhere would make a file there.
  symlinkSync(path("nothing-yet"), path("b"));
  const { code: other } = await runCli(
    "-m",
    "sink",
    "-l",
    "127.0.0.1:0",
    "--access-log",
    path("b"),
  );
  expect({ other, made: await Bun.file(path("nothing-yet")).exists() }).toEqual({
    other: 1,
    made: false,
  });
});

test.each(["SIGUSR1", "SIGHUP"] as const)(
  "one that was put in its place is not followed at %s: lines go on to where they went",
  async (signal) => {
    await using proxy = start(`log-${signal}`);
    const port = await proxy.port();
    await relay(port);
    await lines(`log-${signal}`, 1);
    renameSync(path(`log-${signal}`), path(`moved-${signal}`));
    symlinkSync(path("victim"), path(`log-${signal}`));
    proxy.child.kill(signal);
    await proxy.logged(/cannot be reopened \(ELOOP\); the old file stays in use/);
    await relay(port);
    await lines(`moved-${signal}`, 2);
    expect(await text("victim")).toBe("untouched\n");
  },
);

test("one that takes the place of a file that was removed is not followed", async () => {
  await using proxy = start("removed");
  const port = await proxy.port();
  rmSync(path("removed"));
  symlinkSync(path("victim"), path("removed"));
  // A look is taken once a second.
  for (let count = 0; count < 30; count++) {
    await relay(port);
    await Bun.sleep(50);
  }
  await proxy.logged(/access log \S+: ELOOP; lines that do not fit in are dropped/);
  expect(await text("victim")).toBe("untouched\n");
  rmSync(path("removed"));
  await waitFor(() => Bun.file(path("removed")).size > 0, "it goes on when there is room again");
});

test.each(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])(
  "%s is a link of the system's, and followed",
  async (target) => {
    if (process.platform !== "linux") return;
    // A socket, which Bun makes of a pipe, cannot be opened by its number.
    const into = ["sh", "-c", 'out=$1; shift; exec "$@" > "$out"', "sh", path("stdout")];
    const flags = ["-l", "127.0.0.1:0", "-m", "sink", "--stats", "none", "--access-log", target];
    await using proxy = new CliProcess(flags, into);
    await relay(await proxy.port());
    expect((await proxy.stop()).code).toBe(0);
    expect(await text("stdout")).toMatch(/^\{"event":"end",.*\}\n$/);
  },
);
