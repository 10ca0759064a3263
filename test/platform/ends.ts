import { expect, test } from "bun:test";
import { waitFor } from "../fixtures/wait.ts";
import { loopTurns, Pair } from "./probe.ts";
import { unreadBytes } from "./system.ts";

const MIB = 1024 * 1024;
const linux = process.platform === "linux";

/** What `Lane.send` and `Lane.sendQueued` make of what `write` returns. */
export function writeFacts(): void {
  test("it returns what the kernel took, keeps no byte, and `drain` says to go on", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    accepted.socket.pause();
    const bytes = new Uint8Array(64 * MIB);
    const taken = client.socket.write(bytes);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(bytes.length);
    accepted.socket.resume();
    await waitFor(() => client.drainCount > 0, "`drain` is told");
    await waitFor(() => accepted.receivedBytes >= taken, "what was taken is received");
    await loopTurns();
    expect(accepted.receivedBytes).toBe(taken);
  });

  test("with a view, an offset and a length it sends that stretch", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    const view = Buffer.from("0123456789").subarray(2);
    expect(client.socket.write(view, 3, 4)).toBe(4);
    expect(client.socket.write(view, 0, 1)).toBe(1);
    await waitFor(() => accepted.receivedBytes === 5, "the stretches are received");
    expect(accepted.text).toBe("56782");
  });

  test("it returns −1 after the other end's RST, after terminate and after shutdown", async () => {
    using reset = await Pair.open();
    reset.client.socket.terminate();
    expect(reset.client.socket.write("x")).toBe(-1);
    await reset.accepted.last("close ECONNRESET");
    expect(reset.accepted.socket.write("x")).toBe(-1);
    using ended = await Pair.open();
    ended.client.socket.shutdown();
    expect(ended.client.socket.write("x")).toBe(-1);
  });
}

/** FIN travels as FIN, in its own direction only. */
export function finFacts(): void {
  test("shutdown sends FIN, told as `end`; the other direction lives on", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    client.socket.write("question");
    client.socket.shutdown();
    await accepted.last("end");
    expect(accepted.text).toBe("question");
    accepted.socket.write("answer");
    await waitFor(() => client.text === "answer", "the answer is received");
    await loopTurns();
    expect(accepted.told).toEqual(["open", "data", "end"]);
    expect(client.told).toEqual(["open", "data"]);
  });

  test("after both FINs comes `close` without an error; who ended first gets no end", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    client.socket.shutdown();
    await accepted.last("end");
    accepted.socket.write("last words");
    accepted.socket.shutdown();
    await client.last("close");
    await accepted.last("close");
    expect(client.told).toEqual(["open", "data", "close"]);
    expect(accepted.told).toEqual(["open", "end", "close"]);
  });
}

/** What `Conduit.sendFin` relies on. */
export function closeFacts(): void {
  test("after a FIN was read it delivers what was written, then FIN, and is told at once", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    client.socket.shutdown();
    await accepted.last("end");
    const taken = accepted.socket.write(new Uint8Array(64 * MIB));
    accepted.socket.close();
    expect(accepted.told).toEqual(["open", "end", "close"]);
    await client.last("close");
    expect(client.told).toEqual(["open", "data", "close"]);
    expect(client.receivedBytes).toBe(taken);
  });
}

/** RST travels as RST, also to an end that is not read. */
export function resetFacts(): void {
  test("terminate sends RST and calls `close`, without an error, before it returns", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    client.socket.terminate();
    expect(client.told).toEqual(["open", "close"]);
    await accepted.last("close ECONNRESET");
    expect(accepted.told).toEqual(["open", "close ECONNRESET"]);
  });

  test.if(linux)("it reaches a paused socket: the last data, then ECONNRESET", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    accepted.socket.pause();
    client.socket.write("last words");
    await waitFor(() => unreadBytes(accepted.socket.fd) === 10, "the last words have arrived");
    client.socket.terminate();
    await accepted.last("close ECONNRESET");
    expect(accepted.told).toEqual(["open", "data", "close ECONNRESET"]);
    expect(accepted.text).toBe("last words");
  });

  test.if(linux)("after a FIN it is told as EPIPE, to a paused socket too", async () => {
    for (const isPaused of [false, true]) {
      using pair = await Pair.open();
      const { client, accepted } = pair;
      if (isPaused) accepted.socket.pause();
      client.socket.write("last words");
      client.socket.shutdown();
      if (isPaused) await loopTurns();
      else await accepted.last("end");
      client.socket.terminate();
      await accepted.last("close EPIPE");
      expect(accepted.text).toBe("last words");
    }
  });
}

/** `throwUncaught` sits in `error`: what a handler throws must arrive there. */
export function throwFacts(): void {
  const causes: Record<string, (pair: Pair) => void> = {
    open: () => {},
    data: ({ client }) => void client.socket.write("x"),
    drain: ({ accepted }) => void accepted.socket.write(new Uint8Array(64 * MIB)),
    end: ({ client }) => client.socket.shutdown(),
    close: ({ client }) => client.socket.terminate(),
  };
  test.each(Object.entries(causes))("what `%s` throws reaches `error`", async (name, cause) => {
    using pair = await Pair.open(({ accepted }) => {
      accepted.throwsIn = name;
    });
    cause(pair);
    const { told } = pair.accepted;
    const arrived = () => told.includes(`error thrown in ${name}`);
    await waitFor(arrived, () => `it reaches \`error\`, after ${told}`);
  });
}
