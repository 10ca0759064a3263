import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TlsClient } from "../clients/tls-client.ts";
import { named, server } from "../fixtures/certificates.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { residentBytes } from "../fixtures/proc.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// A certificate that is replaced again and again under load: no client notices.

/** `RINGWAY_HOSTILE=1000` is the long run. */
const SWAPS = Number(process.env.RINGWAY_HOSTILE ?? 20);
setDefaultTimeout(60_000 + SWAPS * 2_000);
/** Clients that connect at a time, one connection after another. */
const CLIENTS = 4;

const pairs = [
  { name: "server", ...server },
  { name: "named", ...named },
] as const;
const preamble = "PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n";

describe.each([
  ["one worker", [], {}],
  ["two workers", ["--workers", "2"], {}],
  ["behind a PROXY header", ["--proxy-protocol", "required"], { preamble }],
] as const)("%s", (_, flags, client) => {
  test(`${SWAPS} swaps: every handshake and every request succeeds`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "ringway-swaps-"));
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const [cert, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
    const put = async (path: string, text: string) => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    };
    await put(cert, server.cert);
    await put(key, server.key);
    const { port: to } = upstream.address as { port: number };
    const own = ["--listen", "127.0.0.1:0", "--upstream", `127.0.0.1:${to}`, "--stats", "none"];
    const tls = ["--tls-cert", cert, "--tls-key", key, "--admin", "127.0.0.1:0"];
    await using proxy = new CliProcess([...own, ...tls, ...flags]);
    const port = await proxy.port();
    const admin = (await proxy.logged(/http:\/\/127\.0\.0\.1:\d+/))[0];
    const open = () => TlsClient.open(port, { servername: "up.example", ...client });

    const old = await open();
    let isOver = false;
    let requests = 0;
    const shown = new Set<string>();
    const load = Array.from({ length: CLIENTS }, async () => {
      while (!isOver) {
        const one = await open();
        shown.add(one.shown);
        expect(await one.echo("request")).toBe("request");
        requests++;
        one.close();
      }
    });
    // A failure of one of them ends the test at once.
    const failed = Promise.all(load);
    const swap = async (index: number) => {
      const next = pairs[index % 2] ?? pairs[0];
      // For a moment they do not belong together.
      await put(index % 3 === 0 ? key : cert, index % 3 === 0 ? next.key : next.cert);
      await put(index % 3 === 0 ? cert : key, index % 3 === 0 ? next.cert : next.key);
      if (index % 4 !== 0) {
        const headers = { "X-Ringway": "1" };
        const answer = await fetch(`${admin}/api/certificates`, { method: "POST", headers });
        expect(answer.status).toBe(200);
      }
      await waitFor(async () => {
        const one = await open();
        const { shown } = one;
        one.close();
        return shown === next.name;
      }, `swap ${index} is seen`);
      expect(await old.echo(`old ${index}`)).toBe(`old ${index}`);
    };
    let settledAt = 0;
    const swaps = (async () => {
      for (let index = 1; index <= SWAPS; index++) {
        await swap(index);
        if (index === Math.ceil(SWAPS / 2)) settledAt = residentBytes(proxy.child.pid);
      }
    })();
    await Promise.race([swaps, failed]);
    isOver = true;
    await failed;
    expect([...shown].toSorted()).toEqual(["named", "server"]);
    expect(requests).toBeGreaterThan(SWAPS);
    // Certificates of earlier clients are not kept.
    if (SWAPS >= 500) expect(residentBytes(proxy.child.pid) / settledAt).toBeLessThan(1.3);
    expect(await old.echo("last")).toBe("last");
    old.close();
    const { code, err } = await proxy.stop();
    expect(err).not.toContain("not renewed");
    expect(err).not.toContain("defect");
    expect(code).toBe(0);
    upstream.close();
    await rm(folder, { recursive: true });
  });
});
