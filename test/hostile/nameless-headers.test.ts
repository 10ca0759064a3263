import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { headerV2, ipv4Addresses, longPaths } from "./headers.ts";
import { onBothEngines, startOn } from "./stages.ts";

// PROXY headers that name nobody with an IP address: a client must not be less known for them.

const COUNT = 64;
const nameless: readonly (readonly [string, Buffer | string])[] = [
  ["a unix stream (0x31)", headerV2(0x21, 0x31, longPaths)],
  ["a unix datagram (0x32)", headerV2(0x21, 0x32, longPaths)],
  ["a unix socket without a transport (0x30)", headerV2(0x21, 0x30, longPaths)],
  ["an unnamed unix stream", headerV2(0x21, 0x31, new Uint8Array(216))],
  ["no family (0x00)", headerV2(0x21, 0x00)],
  ["no family and some bytes", headerV2(0x21, 0x00, Uint8Array.of(4, 0, 1, 0))],
  ["IPv4 without a transport (0x10)", headerV2(0x21, 0x10, ipv4Addresses(10, 0, 0, 1))],
  ["LOCAL", headerV2(0x20, 0x00)],
  ["LOCAL that names somebody", headerV2(0x20, 0x11, ipv4Addresses(10, 0, 0, 1))],
  ["LOCAL of a unix stream", headerV2(0x20, 0x31, longPaths)],
  ["version 1, UNKNOWN", "PROXY UNKNOWN\r\n"],
  ["UNKNOWN that names somebody", "PROXY UNKNOWN 10.0.0.1 192.0.2.1 4711 80\r\n"],
];

/** A client that begins with a header and asks; resolves when it has an answer or is let go. */
function ask(port: number, header: Buffer | string): Promise<Socket & { answer?: string }> {
  return new Promise((resolve) => {
    const socket: Socket & { answer?: string } = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.once("connect", () => socket.write(Buffer.concat([Buffer.from(header), PING])));
    socket.once("data", (data) => {
      socket.answer = String(data);
      resolve(socket);
    });
    socket.once("close", () => resolve(socket));
  });
}

const PING = Buffer.from("PING\r\n");

onBothEngines("headers that name nobody", (stage) => {
  const common = ["-l", "127.0.0.1:0", "--proxy-protocol", "required"];

  test("who is not allowed does not come in by them; who is named by one does", async () => {
    await using proxy = startOn(stage, [...common, "--stats", "json", "--allow", "10.0.0.0/8"]);
    const port = await proxy.port();
    for (const [name, header] of nameless) {
      expect([name, (await ask(port, header)).answer]).toEqual([name, undefined]);
    }
    const named = [0x11, 0x12].map((family) =>
      ask(port, headerV2(0x21, family, ipv4Addresses(10, 0, 0, 1))),
    );
    for (const one of await Promise.all(named)) {
      expect(one.answer).toBe("+PONG\r\n");
      one.destroy();
    }
    const { out } = await proxy.stop();
    expect(JSON.parse(out).relays.reasons.access_denied).toBe(nameless.length);
  });

  test("limits of clients hold for who sends them", async () => {
    const limits = ["--max-relays-per-client", "1"];
    await using proxy = startOn(stage, [
      ...common,
      "--stats",
      "none",
      ...limits,
      "--access-log",
      "stdout",
    ]);
    const port = await proxy.port();
    const [, first = ""] = nameless[0] as [string, Buffer];
    const held = await ask(port, first);
    expect(held.answer).toBe("+PONG\r\n");
    for (const [name, header] of nameless) {
      expect([name, (await ask(port, header)).answer]).toEqual([name, undefined]);
    }
    held.destroy();
    const { out, err } = await proxy.stop();
    const relays = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(relays).toHaveLength(nameless.length + 1);
    for (const { client } of relays) expect(client).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(err).not.toContain("a new worker starts");
  });

  test("no worker ends because of the longest paths, and all relays can be told", async () => {
    await using proxy = startOn(stage, [
      ...common,
      "--admin",
      "127.0.0.1:0",
      "--drain-timeout",
      "0s",
    ]);
    const port = await proxy.port();
    const [, address = ""] = await proxy.logged(/metrics on (\S+)/);
    const [, unix = ""] = nameless[0] as [string, Buffer];
    const held = await Promise.all(Array.from({ length: COUNT }, () => ask(port, unix)));
    expect(held.map(({ answer }) => answer)).toEqual(Array(COUNT).fill("+PONG\r\n"));
    for (let look = 0; look < 3; look++) {
      const answer = await fetch(`${address}/api/relays`);
      expect(answer.status).toBe(200);
      const { relays } = (await answer.json()) as { relays: { client: string }[] };
      expect(relays).toHaveLength(COUNT);
      for (const { client } of relays) expect(client).toMatch(/^127\.0\.0\.1:\d+$/);
    }
    // They end, one after the other, and are told of, too.
    for (const socket of held.slice(1)) socket.destroy();
    const left = async () =>
      ((await (await fetch(`${address}/api/relays`)).json()) as { relays: unknown[] }).relays
        .length;
    while ((await left()) > 1) await Bun.sleep(5);
    const innocent = held[0] as Socket;
    const answered = new Promise((resolve) => innocent.once("data", resolve));
    innocent.write(PING);
    expect(String(await answered)).toBe("+PONG\r\n");
    innocent.destroy();
    const { err } = await proxy.stop();
    expect(err).not.toContain("a new worker starts");
  });
});
