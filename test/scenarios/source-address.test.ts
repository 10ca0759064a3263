import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

// Only on Linux all of 127.0.0.0/8 is this machine's.
const FOREIGN = "203.0.113.77";
const folder = mkdtempSync(join(tmpdir(), "ringway-source-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Remembers where those come from who connect, and echoes. */
class Witness implements Disposable {
  readonly seen: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async open(host: string): Promise<Witness> {
    const server = createServer();
    const witness = new Witness(server);
    server.on("connection", (socket) => {
      // A check may be gone already.
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined) witness.seen.push(remoteAddress);
      witness.sockets.add(socket);
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return witness;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  [Symbol.dispose](): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

function echoed(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("hello"));
    socket.on("data", (chunk) => {
      socket.destroy();
      resolve(chunk.toString());
    });
    socket.on("error", reject);
    socket.on("close", () => resolve("closed"));
  });
}

describe.skipIf(process.platform !== "linux").each([
  ["sockets", 1],
  ["sockets", 2],
  ["uring", 1],
  ["uring", 2],
])("engine %s, %i worker(s)", (engine, workers) => {
  test("relays, checks and copies come from --source-address", async () => {
    using upstream = await Witness.open("127.0.0.1");
    using mirror = await Witness.open("127.0.0.1");
    await using proxy = new CliProcess([
      ...["-l", "127.0.0.1:0", "-e", engine, "-w", String(workers), "--drain-timeout", "0"],
      ...["-u", `127.0.0.1:${upstream.port}`, "--mirror", `127.0.0.1:${mirror.port}`],
      ...["--check", "tcp", "--check-interval", "100ms", "--source-address", "127.9.8.7,::1"],
    ]);
    const port = await proxy.port();
    for (let client = 0; client < 3; client++) expect(await echoed(port)).toBe("hello");
    await waitFor(() => mirror.seen.length === 3 && upstream.seen.length > 5, "all have come");
    expect(new Set(mirror.seen)).toEqual(new Set(["127.9.8.7"]));
    expect(new Set(upstream.seen)).toEqual(new Set(["127.9.8.7"]));
  }, 20_000);

  test("an upstream of the other family is dialled as ever", async () => {
    using upstream = await Witness.open("::1");
    await using proxy = new CliProcess([
      ...["-l", "127.0.0.1:0", "-e", engine, "-w", String(workers), "--drain-timeout", "0"],
      ...["-u", `[::1]:${upstream.port}`, "--source-address", "127.9.8.7"],
    ]);
    expect(await echoed(await proxy.port())).toBe("hello");
    expect(upstream.seen).toEqual(["::1"]);
  }, 20_000);
});

test("an address that is none of this machine's is refused, at a start and at a reload", async () => {
  const flags = ["-l", "127.0.0.1:0", "-u", "127.0.0.1:1"];
  const { code, err } = await runCli(...flags, "--source-address", FOREIGN);
  expect(err).toContain(`source address ${FOREIGN}: this machine does not have it`);
  expect(code).not.toBe(0);
  using upstream = await Witness.open("127.0.0.1");
  const path = join(folder, "r.json");
  const write = (sourceAddress: string) =>
    writeFileSync(
      path,
      JSON.stringify({
        listeners: [{ listen: "127.0.0.1:0", upstreams: [`127.0.0.1:${upstream.port}`] }],
        sourceAddress,
      }),
    );
  write("127.0.0.1");
  await using proxy = new CliProcess(["-c", path, "--drain-timeout", "0"]);
  const port = await proxy.port();
  write(FOREIGN);
  proxy.child.kill("SIGHUP");
  await proxy.logged(new RegExp(`source address ${FOREIGN}: this machine does not have it`));
  expect(await echoed(port)).toBe("hello");
}, 20_000);
