import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, MAIN, runCli, WITHOUT_URING } from "../fixtures/cli-process.ts";

// Many programs start side by side here, on machines that may be busy.
setDefaultTimeout(20_000);

const DURATION = "expected a duration such as 500ms, 5s, 2m or 1h, or a number of seconds";

const SENDS = "plain, message, zerocopy, zerocopy-message, ring or bundle";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-cli-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("what is asked for is not right: one sentence, exit 2", () => {
  test.concurrent.each([
    [["--listn", ":1"], 'unknown flag "--listn"; did you mean --listen?'],
    [["-x"], 'unknown flag "-x"; see --help'],
    [["--listen"], "--listen needs a value: --listen ADDR"],
    [["--listen", "--verbose"], "--listen needs a value: --listen ADDR"],
    [["--listen", ""], "--listen needs a value, got an empty one"],
    [["--upstream="], "--upstream needs a value, got an empty one"],
    [["6380"], '"6380" is not a flag; see --help'],
    [["chek", "ringway.toml"], 'no such command "chek"; did you mean check?'],
    [["begin"], 'no such command "begin"; see --help'],
    [["--verbose=yes"], '--verbose takes no value, got "yes"'],
    [["--stats", "json", "--stats", "text"], "--stats is given twice"],
    [
      ["-l", "127.0.0.1"],
      '--listen "127.0.0.1": no port; expected host:port, :port, [ipv6]:port or unix:/path',
    ],
    [["-l", ":65536"], '--listen ":65536": port "65536" is not a number of 0…65535'],
    [["-l", ":1", "-l", ":1"], '--listen "[::]:1" is given twice'],
    [["-u", "127.0.0.1:0"], '--upstream "127.0.0.1:0": port "0" is not a number of 1…65535'],
    [
      ["-m", "sink", "-u", "a:1"],
      "--upstream contradicts mode sink, which has no upstream: leave one of them out",
    ],
    [["-m", "proxy"], '--mode "proxy": expected bidirectional, oneway, sink or valkey'],
    [["-e", "epoll"], '--engine "epoll": expected auto, sockets or uring'],
    [["--uring-send", "fast"], `--uring-send "fast": expected ${SENDS}`],
    [
      ["-e", "sockets", "--uring-napi=busy"],
      "--uring-napi contradicts engine sockets, which has no io_uring: leave one of them out",
    ],
    [["--workers=-1"], '--workers "-1": expected a whole number of 1…256, or auto'],
    [["-w", "0"], '--workers "0": expected a whole number of 1…256, or auto'],
    [["--connect-timeout", "NaN"], `--connect-timeout "NaN": ${DURATION}`],
    [["--drain-timeout", "-1s"], `--drain-timeout "-1s": ${DURATION}`],
    [["-b", "5000"], '--segment-size "5000": expected a power of two of 4KiB…1MiB'],
    [
      ["-n", "3"],
      '--segment-count "3": expected at least 2MiB and 4 segments, at most 64GiB in all, not the 3 segments of 64 KiB',
    ],
    [["--stats", "xml"], '--stats "xml": expected text, json or none'],
    [["-c", "gone.toml"], "gone.toml: cannot be read: there is no such file"],
    [
      ["-c", "README"],
      "README: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js",
    ],
  ])("%j", async (args, sentence) => {
    expect(await runCli(...args)).toEqual({ code: 2, out: "", err: `ringway: ${sentence}\n` });
  });

  test("all of it, each a line: flags, a file that is not there, values", async () => {
    const { code, out, err } = await runCli(
      "--listen",
      "x",
      "--mode",
      "y",
      "-z",
      "-c",
      "gone.toml",
    );
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.trimEnd().split("\n")).toEqual([
      'ringway: unknown flag "-z"; see --help',
      "ringway: gone.toml: cannot be read: there is no such file",
      'ringway: --listen "x": no port; expected host:port, :port, [ipv6]:port or unix:/path',
      'ringway: --mode "y": expected bidirectional, oneway, sink or valkey',
    ]);
  });

  test("a great many are counted", async () => {
    const path = join(folder, "many.json");
    await Bun.write(path, JSON.stringify({ listen: Array(1_234).fill("x"), mode: "sink" }));
    const { code, err } = await runCli("-c", path);
    expect(code).toBe(2);
    expect(err.trimEnd().split("\n")).toHaveLength(101);
    expect(err).toEndWith("ringway: and 1,134 more\n");
  });

  test("in a file too", async () => {
    const path = join(folder, "mode.toml");
    await Bun.write(path, 'mode = "both"');
    const sentence = `${path}: mode "both": expected bidirectional, oneway, sink or valkey`;
    expect(await runCli("-c", path)).toEqual({ code: 2, out: "", err: `ringway: ${sentence}\n` });
    await Bun.write(path, 'mode = "sink"\n[uring]\nentries = 100');
    const group = `${path}: uring.entries 100: expected a power of two of 16…32,768`;
    expect(await runCli("-c", path)).toEqual({ code: 2, out: "", err: `ringway: ${group}\n` });
  });
});

describe("it cannot be had here: one sentence, exit 1", () => {
  async function expectRefusal(args: readonly string[], sentence: string): Promise<void> {
    expect(await runCli(...args)).toEqual({ code: 1, out: "", err: `ringway: ${sentence}\n` });
  }

  test("a port that is in use, also as the second listener", async () => {
    using holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const address = `127.0.0.1:${holder.port}`;
    const sentence = `cannot listen on ${address}: the port is in use already`;
    await expectRefusal(["-l", address], sentence);
    // Not io_uring, whose buffers are there at once, as the log would say.
    await expectRefusal(["-e", "sockets", "-l", "127.0.0.1:0", "-l", address, "-v"], sentence);
  });

  test("a host that nobody knows", async () => {
    const name = "ringway-test.invalid";
    await expectRefusal(["-l", `${name}:0`], `cannot listen on ${name}:0: unknown host`);
  });

  test("an address of another machine", async () => {
    const sentence = "cannot listen on 203.0.113.1:0: this machine does not have that address";
    await expectRefusal(["-l", "203.0.113.1:0"], sentence);
  });

  test("a unix path without a folder, and one that is a file, which stays", async () => {
    const gone = `unix:${folder}/gone/a.sock`;
    await expectRefusal(["-l", gone], `cannot listen on ${gone}: there is no such directory`);
    const path = join(folder, "file");
    await Bun.write(path, "precious");
    const sentence = `cannot listen on unix:${path}: the path exists or is in use already`;
    await expectRefusal(["-l", `unix:${path}`], sentence);
    expect(await readFile(path, "utf8")).toBe("precious");
  });

  test.skipIf(process.platform !== "linux")("io_uring where a filter forbids it", async () => {
    const args = ["-l", "127.0.0.1:0", "-e", "uring"];
    const { code, out, err } = await new CliProcess(args, [], WITHOUT_URING).finished();
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe(
      "ringway: engine uring: a seccomp filter forbids io_uring, as most containers do; give the " +
        "container a seccomp profile that allows io_uring, such as " +
        "packaging/seccomp-io_uring.json\n",
    );
  });

  test.skipIf(!canBeRefused())("a port that needs more rights", async () => {
    const before = unprivileged();
    const refused = await new CliProcess(["-l", "127.0.0.1:79"], before).finished();
    const cause = "no permission, as low ports need more rights; use a port from 1024 on";
    const err = `ringway: cannot listen on 127.0.0.1:79: ${cause}\n`;
    expect(refused).toEqual({ code: 1, out: "", err });
  });
});

test("a defect: one sentence, the place only at -v, exit 70", async () => {
  const path = join(folder, "defect.ts");
  await Bun.write(
    path,
    'setTimeout(() => { throw new Error("boom"); }, 0);\nexport default { mode: "sink" };',
  );
  const sentence = "ringway: this is a defect of ringway, please report it: Error: boom";
  const flags = ["-l", "127.0.0.1:0", "-c", path];
  const plain = await runCli(...flags);
  expect(plain).toMatchObject({ code: 70, out: "" });
  expect(plain.err).toEndWith(`${sentence} (run with --verbose for the place)\n`);
  const verbose = await runCli(...flags, "-v");
  expect(verbose.code).toBe(70);
  expect(verbose.err).toContain(`${sentence}\nError: boom\n    at `);
});

/** What to start a program with so that it has no rights. */
function unprivileged(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
}

/** False where everybody may take low ports, or where only the owner can run this checkout. */
function canBeRefused(): boolean {
  const lowest = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
  if (existsSync(lowest) && Number(readFileSync(lowest, "utf8")) <= 79) return false;
  try {
    const attempt = Bun.spawnSync([...unprivileged(), process.execPath, MAIN, "--version"]);
    return attempt.exitCode === 0;
  } catch {
    return false;
  }
}
