import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, PROGRAM } from "../fixtures/cli-process.ts";
import { listening } from "../fixtures/system.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onEveryStage, startOn } from "../hostile/stages.ts";

// How many may wait is read back from the kernel: `ss` has it as Send-Q of a socket that listens.

const folder = mkdtempSync(join(tmpdir(), "ringway-backlog-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What waits at most at each socket that listens there, of TCP or unix. */
function queues(place: number | string): number[] {
  const kind = typeof place === "number" ? "-ltnH" : "-lxnH";
  const lines = Bun.spawnSync(["ss", kind]).stdout.toString().split("\n");
  const rows = lines.map((line) => line.trim().split(/\s+/));
  const isThere = (name: string | undefined) =>
    typeof place === "number" ? name?.endsWith(`:${place}`) : name === place;
  return rows.flatMap((row) => {
    // Netid State Recv-Q Send-Q Local, without Netid where only one kind is asked for.
    const at = row.indexOf("LISTEN");
    const [, , most, local] = row.slice(at);
    return row.some(isThere) && local !== undefined ? [Number(most)] : [];
  });
}

describe.if(Bun.which("ss") !== null)("backlog", () => {
  onEveryStage("a listener", ({ engine, workers }) => {
    test("has the backlog that it is given, and a reload changes it", async () => {
      const unix = join(folder, `${engine}-${workers}.sock`);
      const path = join(folder, `${engine}-${workers}.json`);
      const write = (backlog?: number) =>
        writeFileSync(
          path,
          JSON.stringify({ listen: ["127.0.0.1:0", `unix:${unix}`], mode: "sink", backlog }),
        );
      write(77);
      await using proxy = startOn({ engine, workers }, ["-c", path, "--drain-timeout", "0"]);
      const port = await proxy.port();
      const all = () => [...queues(port), ...queues(unix)];
      const expected = (backlog: number) => Array<number>(workers + 1).fill(backlog);
      expect(all()).toEqual(expected(77));
      for (const [given, held] of [
        [33, 33],
        [1_000, 1_000],
        [undefined, 4_096],
      ] as const) {
        write(given);
        proxy.child.kill("SIGHUP");
        const now = () => `all have ${held}: ${all()}`;
        await waitFor(() => Bun.deepEquals(all(), expected(held)), now);
      }
    }, 30_000);

    test("has it also where a service manager has opened the socket", async () => {
      const socket = listening();
      const { port } = socket.address;
      const flags = `-l 127.0.0.1:${port} -m sink -e ${engine} -w ${workers} --backlog 55`;
      const script = `LISTEN_FDS=1 LISTEN_PID=$$ exec ${PROGRAM.join(" ")} ${flags}`;
      const child = Bun.spawn(["sh", "-c", script], {
        stdio: ["ignore", "ignore", "ignore", socket.fd],
      });
      socket.close();
      try {
        await waitFor(
          () => Bun.deepEquals(queues(port), [55]),
          () => `it has: ${queues(port)}`,
        );
      } finally {
        child.kill("SIGKILL");
        await child.exited;
      }
    }, 30_000);
  });

  test("what is more than the kernel takes is a warning at the start", async () => {
    const most = Number(Bun.spawnSync(["cat", "/proc/sys/net/core/somaxconn"]).stdout.toString());
    if (!(most < 65_535)) return;
    await using proxy = new CliProcess(["-l", "127.0.0.1:0", "-m", "sink", "--backlog", "65535"]);
    await proxy.logged(
      /backlog 65,535 of listener \S+: net\.core\.somaxconn is [\d,]+, and no more/,
    );
  }, 20_000);
});
