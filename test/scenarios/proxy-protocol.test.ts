import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOnFreePort } from "../clients/programs.ts";
import { CliProcess } from "../fixtures/cli-process.ts";

// Who is a client's client? ringway between real proxies, before and behind it, in both versions.

const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
const haproxy = Bun.which("haproxy", { PATH });
const nginx = Bun.which("nginx", { PATH });
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";
const hasNginx = nginx !== null && existsSync(streamModule);
const missing = [haproxy === null ? "haproxy" : "", hasNginx ? "" : "nginx's stream module"];
if (missing.join("") !== "") {
  const names = missing.filter((name) => name !== "").join(" and ");
  process.stderr.write(`${names} not installed: not tested between them\n`);
}

let directory = "";
const running: Bun.Subprocess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ringway-chain-"));
});

afterAll(async () => {
  for (const child of running) {
    // Not by force: nginx's worker would outlive it.
    child.kill("SIGTERM");
    await child.exited;
  }
  await rm(directory, { recursive: true, force: true });
});

interface Answer {
  /** The client's own address. */
  readonly own: string;
  readonly text: string;
}

/** Asks for a page and tells what came, and who has asked. */
function ask(port: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      const own = `127.0.0.1:${socket.localPort}`;
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.on("close", () => resolve({ own, text }));
      socket.write("GET / HTTP/1.0\r\n\r\n");
    });
    // nginx answers and leaves without having read the question: that is a reset.
    socket.on("error", () => {});
  });
}

/** Whether somebody listens there. */
function isUp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

async function start(
  name: string,
  configuration: (port: number) => string,
  command: (file: string) => string[],
): Promise<number> {
  const file = join(directory, `${name}.conf`);
  const { child, port } = await startOnFreePort((one) => {
    writeFileSync(file, configuration(one));
    return command(file);
  }, isUp);
  running.push(child);
  return port;
}

const startHaproxy = (name: string, configuration: (port: number) => string) =>
  start(
    name,
    (port) =>
      `defaults\n  timeout connect 5s\n  timeout client 9s\n  timeout server 9s\n${configuration(port)}`,
    (file) => [haproxy ?? "", "-db", "-q", "-f", file],
  );

const startNginx = (name: string, server: (port: number) => string) =>
  start(
    name,
    (port) => `load_module ${streamModule};
daemon off;
worker_processes 1;
pid ${join(directory, `${name}.pid`)};
error_log stderr error;
events { worker_connections 64; }
stream {
  server {
${server(port)}
  }
}
`,
    (file) => [nginx ?? "", "-c", file, "-p", directory],
  );

/** A proxy that answers with the address that a PROXY header has told it. */
const tellers = {
  haproxy: () =>
    startHaproxy(
      "teller",
      (port) => `listen teller
  mode http
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "seen %[src]:%[src_port]"
`,
    ),
  nginx: () =>
    startNginx(
      "teller",
      (port) => `    listen 127.0.0.1:${port} proxy_protocol;
    return "seen $proxy_protocol_addr:$proxy_protocol_port";`,
    ),
};

describe.each(["sockets", "uring"])("engine %s", (engine) => {
  if (engine === "uring" && process.platform !== "linux") return;
  const common = ["-l", "127.0.0.1:0", "-e", engine, "--stats", "none"];

  for (const version of ["v1", "v2"]) {
    test.skipIf(haproxy === null)(`HAProxy behind it sees the client, ${version}`, async () => {
      const teller = await tellers.haproxy();
      const flags = ["-u", `127.0.0.1:${teller}`, "--send-proxy-protocol", version];
      await using proxy = new CliProcess([...common, ...flags]);
      const { own, text } = await ask(await proxy.port());
      expect(text).toEndWith(`seen ${own}`);
    });
  }

  for (const version of ["v1", "v2"]) {
    test.skipIf(!hasNginx)(`nginx behind it sees the client, ${version}`, async () => {
      const teller = await tellers.nginx();
      const flags = ["-u", `127.0.0.1:${teller}`, "--send-proxy-protocol", version];
      await using proxy = new CliProcess([...common, ...flags]);
      const { own, text } = await ask(await proxy.port());
      expect(text).toBe(`seen ${own}`);
    });
  }

  for (const version of ["send-proxy", "send-proxy-v2"]) {
    test.skipIf(haproxy === null)(`behind HAProxy it sees the client, ${version}`, async () => {
      const teller = await tellers.haproxy();
      await using proxy = new CliProcess([
        ...common,
        ...["-u", `127.0.0.1:${teller}`, "--send-proxy-protocol", "v2"],
        ...["--proxy-protocol", "required", "--proxy-protocol-from", "127.0.0.0/8", "-v"],
      ]);
      const behind = await proxy.port();
      const port = await startHaproxy(
        `before-${version}`,
        (one) => `listen before
  mode tcp
  bind 127.0.0.1:${one}
  server ringway 127.0.0.1:${behind} ${version}
`,
      );
      const { own, text } = await ask(port);
      expect(text).toEndWith(`seen ${own}`);
      await proxy.logged(new RegExp(`${own} → 127\\.0\\.0\\.1:${teller}`));
    });
  }

  test.skipIf(!hasNginx)("behind nginx it sees the client", async () => {
    const teller = await tellers.nginx();
    await using proxy = new CliProcess([
      ...common,
      ...["-u", `127.0.0.1:${teller}`, "--send-proxy-protocol", "v1"],
      ...["--proxy-protocol", "required"],
    ]);
    const behind = await proxy.port();
    const port = await startNginx(
      "before",
      (one) => `    listen 127.0.0.1:${one};
    proxy_pass 127.0.0.1:${behind};
    proxy_protocol on;`,
    );
    const { own, text } = await ask(port);
    expect(text).toBe(`seen ${own}`);
  });
});
