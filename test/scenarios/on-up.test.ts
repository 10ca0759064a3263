import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-on-up-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An upstream that says its name to whoever comes. */
class Named implements Disposable {
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  constructor(
    readonly name: string,
    public port = 0,
  ) {}

  async open(): Promise<this> {
    const server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.sockets.delete(socket));
      socket.write(this.name);
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    for (const socket of this.sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  [Symbol.dispose](): void {
    void this.close();
  }
}

/** A client that stays. */
class Guest {
  said = "";
  isOver = false;

  constructor(port: number) {
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (chunk) => {
      this.said += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isOver = true;
    });
  }
}

describe.each([
  ["sockets", 1],
  ["uring", 1],
  ["uring", 2],
])("engine %s, %i worker(s)", (engine, workers) => {
  if (engine === "uring" && process.platform !== "linux") return;

  test.each([
    ["close", true],
    ["keep", false],
  ])(
    "relays of a backup when the primary is back, --on-up %s",
    async (onUp, ends) => {
      using primary = await new Named("primary").open();
      using backup = await new Named("backup").open();
      const path = join(folder, `${engine}-${workers}-${onUp}.json`);
      const upstreams = [
        `127.0.0.1:${primary.port}`,
        { address: `127.0.0.1:${backup.port}`, backup: true },
      ];
      const check = { check: "tcp", checkInterval: "100ms" };
      writeFileSync(
        path,
        JSON.stringify({ listeners: [{ listen: "127.0.0.1:0", upstreams, ...check }] }),
      );
      const flags = ["-c", path, "-e", engine, "-w", String(workers), "--on-up", onUp];
      await using proxy = new CliProcess([...flags, "--drain-timeout", "0"]);
      const port = await proxy.port();
      await primary.close();
      await proxy.logged(/is down/);
      const guests = [new Guest(port), new Guest(port)];
      await waitFor(() => guests.every(({ said }) => said === "backup"), "the backup has them");
      await primary.open();
      await proxy.logged(/is up/);
      if (ends) await waitFor(() => guests.every(({ isOver }) => isOver), "they are sent back");
      // The log may be a moment ahead of the workers.
      const later: Guest[] = [];
      await waitFor(() => {
        later.push(new Guest(port));
        return later.some(({ said }) => said === "primary");
      }, "the primary has who comes now");
      expect(guests.map(({ isOver }) => isOver)).toEqual([ends, ends]);
    },
    30_000,
  );
});

test("--on-up needs checks, as nothing else says that a primary is back", async () => {
  await using proxy = new CliProcess([
    "-l",
    "127.0.0.1:0",
    "-u",
    "127.0.0.1:1",
    "--on-up",
    "close",
  ]);
  const { code, err } = await proxy.finished();
  expect(code).toBe(2);
  expect(err).toContain("--on-up needs check");
});
