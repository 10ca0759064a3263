import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, startOn } from "./stages.ts";

// Whoever gets to run code in ringway is to find nothing there that its start had needed.

setDefaultTimeout(20_000);

const isRoot = process.platform === "linux" && process.geteuid?.() === 0;
/** Of no group but his own, and on every Linux. */
const NOBODY = 65_534;
const GROUP = 61_234;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${GROUP}`, "--clear-groups"];
const ACCOUNT = ["--user", String(NOBODY), "--group", String(GROUP)];

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-privileges-"));
  await chown(folder, NOBODY, GROUP);
});

afterAll(() => rm(folder, { recursive: true }));

/** What /proc says of each thread of a process. */
function threadsOf(pid: number): readonly string[] {
  const path = `/proc/${pid}/task`;
  return readdirSync(path).flatMap((thread) => {
    try {
      return [readFileSync(`${path}/${thread}/status`, "utf8")];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*?)\\s*$`, "m").exec(status)?.[1] ?? "";
}

/** A client whose PING the embedded server answers, through the proxy. */
async function ping(port: number): Promise<End> {
  const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port }, (end) => {
    end.keeps = true;
    end.send("PING\r\n");
  });
  await waitFor(() => client.text === "+PONG\r\n", "PING is answered");
  return client;
}

/** No thread has kept anything, whoever made it. */
function expectPowerless(pid: number): void {
  const threads = threadsOf(pid);
  expect(threads.length).toBeGreaterThan(1);
  for (const status of threads) {
    const what = ["Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapAmb"].map((name) =>
      field(status, name).replaceAll("\t", " "),
    );
    const none = "0000000000000000";
    const user = new Array(4).fill(NOBODY).join(" ");
    const group = new Array(4).fill(GROUP).join(" ");
    expect(what).toEqual([user, group, String(GROUP), none, none, none]);
  }
  // Those that run our code; Bun has made the others before its first line.
  const ours = threads.filter((status) => /^Name:\s*(?:bun|Worker)/.test(status));
  expect(ours.map((status) => field(status, "NoNewPrivs"))).toEqual(ours.map(() => "1"));
}

describe.if(isRoot)("a start as root with --user", () => {
  onBothEngines("becomes that user, in every thread", (stage) => {
    test("and relays, on a port that he could not have", async () => {
      const port = await lowPort();
      const log = join(folder, `log-${crypto.randomUUID()}`);
      const flags = ["-l", `127.0.0.1:${port}`, "--admin", "127.0.0.1:0", "--access-log", log];
      await using proxy = startOn(stage, [...flags, ...ACCOUNT]);
      await proxy.logged(/running as user 65534, without root's rights/);
      const client = await ping(port);
      expectPowerless(proxy.child.pid);
      client.finish();
      await waitFor(() => client.closed, "the relay is over");
      const { code, err } = await proxy.stop();
      expect({ code, err: err.includes("defect") }).toEqual({ code: 0, err: false });
      expect(readFileSync(log, "utf8")).toContain('"event":"end"');
    });

    test("and removes the path of its unix socket at the end", async () => {
      const path = join(folder, `listener-${crypto.randomUUID()}.sock`);
      await using proxy = startOn(stage, ["-l", `unix:${path}`, "-m", "sink", ...ACCOUNT]);
      await proxy.logged(/running as user/);
      expect(existsSync(path)).toBe(true);
      expect((await proxy.stop()).code).toBe(0);
      expect(existsSync(path)).toBe(false);
    });
  });

  onBothEngines("gives unix sockets their owner before it", (stage) => {
    test("that of its own, or of another user", async () => {
      const [path, admin] = ["a", "b"].map((name) =>
        join(folder, `${name}-${crypto.randomUUID()}`),
      );
      await using proxy = startOn(stage, [
        ...["-l", `unix:${path}`, "-m", "sink", "--admin", `unix:${admin}`, ...ACCOUNT],
        ...["--unix-user", "61236", "--unix-group", "61237", "--unix-mode", "0660"],
      ]);
      await proxy.logged(/running as user/);
      for (const one of [path, admin]) {
        const { uid, gid, mode } = statSync(one as string);
        expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 61_236, gid: 61_237, mode: 0o660 });
      }
    });
  });

  test("a thread of the kernel that submits for a ring has that user's rights, too", async () => {
    const flags = ["-l", "127.0.0.1:0", "-e", "auto", "--uring-sqpoll", "1s", ...ACCOUNT];
    await using proxy = new CliProcess(flags);
    const client = await ping(await proxy.port());
    expectPowerless(proxy.child.pid);
    client.reset();
  });

  test("a reload gets no port that needs root's rights, and nothing changes", async () => {
    const file = join(folder, "ringway.toml");
    const write = (listen: readonly string[]) =>
      Bun.write(
        file,
        `listen = ${JSON.stringify(listen)}\nmode = "sink"\nuser = ${NOBODY}\ngroup = ${GROUP}\n`,
      );
    await write(["127.0.0.1:0"]);
    await chmod(file, 0o644);
    await using proxy = new CliProcess(["-c", file]);
    const port = await proxy.port();
    await write(["127.0.0.1:0", `127.0.0.1:${await lowPort()}`]);
    proxy.child.kill("SIGHUP");
    await proxy.logged(/reload: cannot listen on .*: no permission, as low ports need more rights/);
    const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
    client.reset();
  });

  test.each([
    [["--user", "no-such-user"], 1, 'user "no-such-user": /etc/passwd has no such user'],
    [["--user", "61234"], 1, 'user "61234": /etc/passwd has no such user, so expected a group'],
    [["--user", "root"], 2, '--user "root": expected a user that may less than root'],
    [["--group", "61234"], 2, "--group needs a user, and none is given: expected user (--user)"],
  ])("%p is refused", async (flags, code, sentence) => {
    await using proxy = new CliProcess(["-l", "127.0.0.1:0", "-m", "sink", ...flags]);
    const told = await proxy.finished();
    expect(told.code).toBe(code);
    expect(told.err).toStartWith(`ringway: ${sentence}`);
    expect(told.err.split("\n").length).toBe(2);
  });

  test("who is not root cannot become another user, and may say who he is", async () => {
    const sink = ["-l", "127.0.0.1:0", "-m", "sink", "--user"];
    await using other = new CliProcess([...sink, "61235", "--group", String(GROUP)], AS_NOBODY);
    const sentence = 'ringway: user "61235" needs a start as root: this is user 65534\n';
    expect(await other.finished()).toMatchObject({ code: 1, err: sentence });
    await using same = new CliProcess(
      [...sink, String(NOBODY), "--group", String(GROUP)],
      AS_NOBODY,
    );
    await same.port();
    expect((await same.stop()).code).toBe(0);
  });
});

describe.if(isRoot)("secrets stay in the process", () => {
  /** Whether the kernel writes no core of it, and lets nobody but root look into it. */
  const isGuarded = (pid: number): boolean => {
    const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
    return (
      /^Max core file size\s+0\s+0\s/m.test(limits) && statSync(`/proc/${pid}/environ`).uid === 0
    );
  };

  test("a token, a password: no core, and no look from another process of the user", async () => {
    const token = ["--admin", "127.0.0.1:0", "--admin-token", "0123456789abcdef"];
    const password = ["--check", "redis", "--check-password", "0123456789abcdef"];
    for (const secret of [token, password]) {
      const flags = ["-l", "127.0.0.1:0", "-u", "127.0.0.1:9", ...secret];
      await using proxy = new CliProcess(flags, AS_NOBODY);
      await proxy.port();
      expect(isGuarded(proxy.child.pid)).toBe(true);
    }
  });

  const strace = Bun.which("strace");
  test.skipIf(strace === null)("the kernel is told again when the user has changed", async () => {
    const trace = join(folder, "trace");
    const before = ["strace", "-f", "-e", "trace=prctl,setresuid", "-o", trace];
    const token = ["--admin", "127.0.0.1:0", "--admin-token", "0123456789abcdef"];
    const flags = ["-l", "127.0.0.1:0", "-m", "sink", ...ACCOUNT, ...token];
    await using proxy = new CliProcess([...flags, "--stats", "none"], before);
    await proxy.logged(/listening on/);
    // It sets it back to fs.suid_dumpable then, which may be anything here.
    const calls = readFileSync(trace, "utf8");
    expect(calls.lastIndexOf("setresuid(")).toBeGreaterThan(0);
    const last = calls.lastIndexOf("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE");
    expect(last).toBeGreaterThan(calls.lastIndexOf("setresuid("));
    const [program] = /^\d+/.exec(calls) ?? [];
    process.kill(Number(program), "SIGTERM");
    await proxy.finished();
  });

  test("one that a reload brings, too; without any there are cores for whoever wants them", async () => {
    const file = join(folder, "secret.toml");
    const write = (more: string) =>
      Bun.write(file, `listen = "127.0.0.1:0"\nupstream = "127.0.0.1:9"\n${more}\n`);
    await write("");
    await using proxy = new CliProcess(["-c", file], AS_NOBODY);
    await proxy.port();
    expect(isGuarded(proxy.child.pid)).toBe(false);
    await write('check = "redis"\ncheckPassword = "0123456789abcdef"');
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: .*/);
    expect(isGuarded(proxy.child.pid)).toBe(true);
  });

  test("one that only the check of a single upstream says", async () => {
    const file = join(folder, "own.toml");
    const password = 'checkPassword = "0123456789abcdef"';
    const upstream = '{ address = "127.0.0.1:9", check = "redis" }';
    await Bun.write(file, `listen = "127.0.0.1:0"\nupstream = ${upstream}\n${password}\n`);
    await using proxy = new CliProcess(["-c", file], AS_NOBODY);
    await proxy.port();
    expect(isGuarded(proxy.child.pid)).toBe(true);
  });
});

/** A port below 1024 of 127.0.0.1 that was free a moment ago. */
async function lowPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 600 + Math.floor(Math.random() * 400);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      // Somebody has it.
    }
  }
  throw new Error("no port below 1024 is free");
}
