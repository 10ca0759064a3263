import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../src/base/address.ts";
import { type ProxyHeader, TlvType } from "../../src/entry/proxy-protocol/header.ts";
import { ProxyHeaderParser } from "../../src/entry/proxy-protocol/parser.ts";
import {
  type ProxyHeaderOptions,
  writeProxyHeader,
} from "../../src/entry/proxy-protocol/writer.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import { startOnFreePort } from "../clients/programs.ts";
import { End } from "../fixtures/end.ts";
import { sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Whether HAProxy, whose protocol it is, understands what we write and writes what we understand.

// Debian keeps it out of an ordinary user's PATH.
const haproxy = Bun.which("haproxy", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
if (haproxy === null) {
  process.stderr.write(
    "haproxy is not installed: what it says of our PROXY headers is not tested\n",
  );
}

const DEFAULTS = `
defaults
  timeout connect 5s
  timeout client 10s
  timeout server 10s
`;

let directory = "";
const running: Bun.Subprocess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ringway-haproxy-"));
});

afterAll(async () => {
  for (const child of running) {
    child.kill("SIGKILL");
    await child.exited;
  }
  await rm(directory, { recursive: true, force: true });
});

/** Starts HAProxy on a free port of both loopback addresses. */
async function start(name: string, configuration: (port: number) => string): Promise<number> {
  const file = join(directory, `${name}.cfg`);
  const command = (port: number) => {
    writeFileSync(file, DEFAULTS + configuration(port));
    return [haproxy ?? "", "-db", "-q", "-f", file];
  };
  const answers = (port: number) =>
    End.connect(loopback(4, port)).then(
      (end) => {
        end.reset();
        return true;
      },
      () => false,
    );
  const { child, port } = await startOnFreePort(command, answers);
  running.push(child);
  return port;
}

function loopback(kind: 4 | 6, port: number): Address {
  return { kind: "tcp", host: kind === 4 ? "127.0.0.1" : "::1", port };
}

describe.skipIf(haproxy === null)("HAProxy sends, we read", () => {
  let upstream: Upstream;
  let checked: Upstream;

  beforeAll(() => {
    const keeping = (end: End) => {
      end.keeps = true;
      sink(end);
    };
    upstream = Upstream.listen(loopback(4, 0), keeping);
    checked = Upstream.listen(loopback(4, 0), keeping);
  });

  afterAll(() => {
    upstream.close();
    checked.close();
  });

  function listen(options: string): (port: number) => string {
    return (port) => `
listen sends
  mode tcp
  bind 127.0.0.1:${port}
  bind [::1]:${port}
  unique-id-format of-%ci-%cp
  server upstream ${hostPort(upstream)} ${options}
`;
  }

  /** Sends a byte through HAProxy and answers what the upstream was told of this connection. */
  async function told(address: Address): Promise<{ header: ProxyHeader; client: Uint8Array }> {
    using client = await Bun.connect({
      hostname: (address as { host: string }).host,
      port: (address as { port: number }).port,
      socket: { data() {} },
    });
    client.write("x");
    const source = encodeSockaddr({ ...address, port: client.localPort } as Address);
    const find = () =>
      upstream.ends
        .map(read)
        .find((one) => one.header !== null && Bun.deepEquals(one.header.source, source));
    await waitFor(() => find()?.rest === "x", "the upstream has the header and the byte behind it");
    return { header: find()?.header as ProxyHeader, client: source };
  }

  test("version 1", async () => {
    const port = await start("send-v1", listen("send-proxy"));
    for (const kind of [4, 6] as const) {
      const { header, client } = await told(loopback(kind, port));
      expect(header).toEqual({
        version: 1,
        command: "proxy",
        transport: "tcp",
        source: client,
        destination: encodeSockaddr(loopback(kind, port)),
        tlvs: [],
      });
    }
  });

  test("version 2 with a checksum and a unique id", async () => {
    const options = "send-proxy-v2 proxy-v2-options crc32c,unique-id";
    const port = await start("send-v2", listen(options));
    for (const kind of [4, 6] as const) {
      const { header, client } = await told(loopback(kind, port));
      expect(header).toMatchObject({
        version: 2,
        command: "proxy",
        transport: "tcp",
        source: client,
        destination: encodeSockaddr(loopback(kind, port)),
      });
      // A checksum that is there was right, or the header would not be.
      const types = header.tlvs.map((tlv) => tlv.type);
      expect(types.toSorted()).toEqual([TlvType.Crc32c, TlvType.UniqueId]);
      const id = header.tlvs.find((tlv) => tlv.type === TlvType.UniqueId)?.value;
      const clientPort = ((client[2] as number) << 8) | (client[3] as number);
      const host = kind === 4 ? "127.0.0.1" : "::1";
      expect(new TextDecoder().decode(id)).toBe(`of-${host}-${clientPort}`);
    }
  });

  test("a health check is local", async () => {
    await start(
      "check-v2",
      (port) => `
listen checks
  mode tcp
  bind 127.0.0.1:${port}
  server upstream ${hostPort(checked)} send-proxy-v2 check check-send-proxy inter 100
`,
    );
    const find = () => checked.ends.map(read).find((one) => one.header !== null);
    await waitFor(() => find() !== undefined, "HAProxy has checked the upstream");
    expect(find()?.header).toEqual({
      version: 2,
      command: "local",
      transport: "unknown",
      source: null,
      destination: null,
      tlvs: [],
    });
  });
});

function hostPort(upstream: Upstream): string {
  return `127.0.0.1:${(upstream.address as { port: number }).port}`;
}

/** What the parser makes of everything that has come so far. */
function read(end: End): { header: ProxyHeader | null; rest: string } {
  const bytes = Buffer.concat(end.chunks);
  const parser = new ProxyHeaderParser();
  const rest = bytes.subarray(parser.push(bytes)).toString();
  expect(parser.state).toBeOneOf(["partial", "done"]);
  return { header: parser.header, rest };
}

describe.skipIf(haproxy === null)("we send, HAProxy reads", () => {
  let port = 0;

  beforeAll(async () => {
    port = await start(
      "accept",
      (port) => `
frontend accepts
  mode http
  bind 127.0.0.1:${port} accept-proxy
  bind [::1]:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] <%[fc_pp_unique_id]>"
`,
    );
  });

  const none = { command: "proxy", tlvs: [], crc32c: false } as const;
  const ipv4 = { ...none, source: ip("192.0.2.1", 1), destination: ip("198.51.100.255", 65_535) };
  const ipv6 = { ...none, source: ip("2001:db8::1", 56_324), destination: ip("fe80::1%1", 80) };
  const mapped = {
    ...none,
    source: ip("::ffff:192.0.2.1", 7),
    destination: ip("::ffff:192.0.2.2", 8),
  };
  const mixed = { ...none, source: ip("192.0.2.1", 7), destination: ip("2001:db8::2", 8) };
  const id = { type: TlvType.UniqueId, value: new TextEncoder().encode("an-id") };
  const padding = { type: TlvType.Noop, value: new Uint8Array(300) };
  const own = "127.0.0.1 SOURCE 127.0.0.1 PORT <>";

  test.each<[string, ProxyHeaderOptions, string]>([
    ["version 1, IPv4", { ...ipv4, version: 1 }, "192.0.2.1 1 198.51.100.255 65535 <>"],
    ["version 1, IPv6", { ...ipv6, version: 1 }, "2001:db8::1 56324 fe80::1 80 <>"],
    ["version 1, IPv4 within IPv6", { ...mapped, version: 1 }, "192.0.2.1 7 192.0.2.2 8 <>"],
    ["version 1, mixed, is unknown", { ...mixed, version: 1 }, own],
    ["version 2, IPv4", { ...ipv4, version: 2 }, "192.0.2.1 1 198.51.100.255 65535 <>"],
    ["version 2, IPv6", { ...ipv6, version: 2 }, "2001:db8::1 56324 fe80::1 80 <>"],
    ["version 2, IPv4 within IPv6", { ...mapped, version: 2 }, "192.0.2.1 7 192.0.2.2 8 <>"],
    ["version 2, mixed", { ...mixed, version: 2 }, "::ffff:192.0.2.1 7 2001:db8::2 8 <>"],
    ["version 2, unknown, is local", { ...ipv4, version: 2, source: null, crc32c: true }, own],
    ["version 2, local", { ...ipv4, version: 2, command: "local", crc32c: true }, own],
    [
      "version 2 with TLVs and a checksum",
      { ...ipv4, version: 2, tlvs: [padding, id], crc32c: true },
      "192.0.2.1 1 198.51.100.255 65535 <an-id>",
    ],
  ])("%s", async (_, options, answer) => {
    const { text, localPort } = await ask(writeProxyHeader(options));
    expect(text.slice(0, 15)).toBe("HTTP/1.1 200 OK");
    const [, body = ""] = text.split("\r\n\r\n");
    expect(body).toBe(answer.replace("SOURCE", `${localPort}`).replace("PORT", `${port}`));
  });

  test("a wrong checksum is refused, so it does look at it", async () => {
    const header = writeProxyHeader({ ...ipv4, version: 2, crc32c: true });
    header[16] = 193;
    expect((await ask(header)).text).toBe("");
  });

  /** Sends a header and a request. @returns everything that came until the connection closed */
  async function ask(header: Uint8Array): Promise<{ text: string; localPort: number }> {
    const chunks: Buffer[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data: (_, bytes) => void chunks.push(bytes as Buffer), close: () => resolve() },
    });
    const { localPort } = socket;
    const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    socket.write(Buffer.concat([header, Buffer.from(request)]));
    await promise;
    return { text: Buffer.concat(chunks).toString(), localPort };
  }
});

function ip(host: string, port: number): Uint8Array {
  return encodeSockaddr({ kind: "tcp", host, port });
}
