import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { CliProcess } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

// Whoever spreads clients asks /readyz now and then: until he knows, nobody finds the door closed.

const FLAGS = ["-l", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--stats", "none"];

/** Asks the server inside once. @returns the answer, or why there is none */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.end("PING\r\n"));
    socket.on("data", (chunk) => resolve(chunk.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    socket.on("close", () => resolve("closed"));
  });
}

async function readyz(admin: string): Promise<string> {
  const response = await fetch(`${admin}/readyz`);
  return `${response.status} ${(await response.text()).trim()}`;
}

async function adminOf(proxy: CliProcess): Promise<string> {
  const [, admin = ""] = await proxy.logged(/(http:\/\/127\.0\.0\.1:\d+)/);
  return admin;
}

describe.each(["sockets", "uring"])("engine %s", (engine) => {
  if (engine === "uring" && process.platform !== "linux") return;

  test.concurrent("with --drain-delay clients are accepted while /readyz says no, and no more afterwards", async () => {
    await using proxy = new CliProcess([...FLAGS, "-e", engine, "--drain-delay", "3s"]);
    const port = await proxy.port();
    const admin = await adminOf(proxy);
    expect(await readyz(admin)).toBe("200 ready");
    proxy.child.kill("SIGTERM");
    await proxy.logged(/leaving: SIGTERM, no longer ready, accepting clients for 3s/);
    expect(await readyz(admin)).toBe("503 draining");
    expect(await ask(port)).toBe("+PONG\r\n");
    await proxy.logged(/stopping: SIGTERM/);
    await waitFor(async () => (await ask(port)) === "ECONNREFUSED", "nobody is accepted");
    expect((await proxy.finished()).code).toBe(0);
  }, 20_000);
});

test.concurrent("a drain that the admin API asks for has the delay, too", async () => {
  await using proxy = new CliProcess([...FLAGS, "--drain-delay", "3s"]);
  const port = await proxy.port();
  const admin = await adminOf(proxy);
  const headers = { "x-ringway": "1" };
  expect((await fetch(`${admin}/api/drain`, { method: "POST", headers })).status).toBe(202);
  await proxy.logged(/leaving: admin API/);
  expect(await ask(port)).toBe("+PONG\r\n");
  expect(await readyz(admin)).toBe("503 draining");
  expect((await proxy.finished()).code).toBe(0);
}, 20_000);

test.concurrent("a second signal during the delay ends at once", async () => {
  await using proxy = new CliProcess([...FLAGS, "--drain-delay", "1h"]);
  const client = connect(await proxy.port(), "127.0.0.1", () => client.write("PING\r\n"));
  client.on("error", () => {});
  await new Promise((resolve) => client.once("data", resolve));
  proxy.child.kill("SIGTERM");
  await proxy.logged(/leaving: SIGTERM/);
  proxy.child.kill("SIGINT");
  const { code, err } = await proxy.finished();
  expect(code).toBe(130);
  expect(err).toMatch(/SIGINT again: not waiting for 1 relay/);
}, 20_000);
