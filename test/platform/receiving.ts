import { expect, test } from "bun:test";
import { Pattern } from "../fixtures/pattern.ts";
import { waitFor } from "../fixtures/wait.ts";
import { loopTurns, Pair } from "./probe.ts";
import { pump } from "./pump.ts";
import { unreadBytes } from "./system.ts";

const MIB = 1024 * 1024;
const CHUNK_MAX = 524_288;
const linux = process.platform === "linux";

/** What `Lane.receive` does with a chunk, and how much memory it counts on for it. */
export function chunkFacts(): void {
  test("it has at most 524,288 bytes and an ArrayBuffer of its own that stays so", async () => {
    const total = 32 * MIB;
    const pattern = new Pattern(1);
    using pair = await Pair.open();
    const { client, accepted } = pair;
    await pump(client.socket, pattern, total);
    await waitFor(() => accepted.receivedBytes === total, "everything is received");
    let offset = 0;
    for (const chunk of accepted.chunks) {
      expect(chunk.length).toBeLessThanOrEqual(CHUNK_MAX);
      expect(chunk.byteOffset).toBe(0);
      expect(chunk.buffer.byteLength).toBe(chunk.length);
      // Looked at only now, after all others have come.
      expect(pattern.mismatch(offset, chunk)).toBe(-1);
      offset += chunk.length;
    }
    const buffers = new Set(accepted.chunks.map((chunk) => chunk.buffer));
    expect(buffers.size).toBe(accepted.chunks.length);
  });

  test("a small one, too, has an ArrayBuffer of its own", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    const words = ["1", "22", "333", "4444", "55555"];
    for (const [index, word] of words.entries()) {
      client.socket.write(word);
      await waitFor(() => accepted.chunks.length === index + 1, `"${word}" is received`);
    }
    expect(accepted.chunks.map(String)).toEqual(words);
    expect(accepted.chunks.map((chunk) => chunk.byteOffset)).toEqual([0, 0, 0, 0, 0]);
    expect(new Set(accepted.chunks.map((chunk) => chunk.buffer)).size).toBe(words.length);
  });

  test("its buffer may be detached in the callback without harm to later chunks", async () => {
    const total = 64 * MIB;
    const pattern = new Pattern(2);
    let offset = 0;
    let mismatchAt = -1;
    using pair = await Pair.open(({ accepted }) => {
      accepted.keeps = false;
      accepted.onData = (chunk) => {
        if (mismatchAt < 0) mismatchAt = pattern.mismatch(offset, chunk);
        offset += chunk.length;
        const { buffer } = chunk;
        if (buffer instanceof ArrayBuffer) buffer.transfer(0);
        expect(chunk.length).toBe(0);
      };
    });
    await pump(pair.client.socket, pattern, total);
    await waitFor(() => offset === total, "everything is received");
    expect(mismatchAt).toBe(-1);
    expect(pair.accepted.told).toEqual(["open", "data"]);
  });
}

/** What `Lane.pause` relies on: a paused source brings nothing, and loses nothing. */
export function pauseFacts(): void {
  test.if(linux)("in the data callback: no other chunk comes, though bytes wait", async () => {
    const total = 4 * MIB;
    const pattern = new Pattern(3);
    using pair = await Pair.open(({ accepted }) => {
      accepted.onData = () => accepted.socket.pause();
    });
    const { client, accepted } = pair;
    const pumped = pump(client.socket, pattern, total);
    for (let chunks = 1; accepted.receivedBytes < total; chunks++) {
      await waitFor(() => accepted.chunks.length >= chunks, "a chunk comes");
      const left = total - accepted.receivedBytes;
      await waitFor(() => left === 0 || unreadBytes(accepted.socket.fd) > 0, "bytes wait");
      if (chunks < 4) await loopTurns();
      expect(accepted.chunks.length).toBe(chunks);
      accepted.socket.resume();
    }
    await pumped;
    expect(pattern.mismatch(0, Buffer.concat(accepted.chunks))).toBe(-1);
  });

  test.if(linux)("outside of it: nothing comes until resume", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    accepted.socket.pause();
    client.socket.write("waits");
    await waitFor(() => unreadBytes(accepted.socket.fd) === 5, "the bytes have arrived");
    await loopTurns();
    expect(accepted.told).toEqual(["open"]);
    accepted.socket.resume();
    await accepted.last("data");
    expect(accepted.text).toBe("waits");
  });

  test("the other end's FIN is held back until resume", async () => {
    using pair = await Pair.open();
    const { client, accepted } = pair;
    accepted.socket.pause();
    client.socket.write("last words");
    client.socket.shutdown();
    await loopTurns();
    expect(accepted.told).toEqual(["open"]);
    accepted.socket.resume();
    await accepted.last("end");
    expect(accepted.told).toEqual(["open", "data", "end"]);
    expect(accepted.text).toBe("last words");
  });
}

/** What `Turn` relies on to find the end of a pass. */
export function passFacts(): void {
  test.if(linux)("setImmediate runs after all data of a pass, before the next one's", async () => {
    const width = 20;
    const rounds = 5;
    const log: string[] = [];
    const pairs: Pair[] = [];
    let asked = false;
    /** Every end has something to read before the loop waits again. */
    const writeAll = () => {
      for (const { client } of pairs) client.socket.write("x");
      const deadline = performance.now() + 1000;
      for (const { accepted } of pairs) {
        while (unreadBytes(accepted.socket.fd) === 0 && performance.now() < deadline);
      }
    };
    const passEnded = () => {
      asked = false;
      log.push("immediate");
      if (log.length < rounds * (width + 1)) writeAll();
    };
    for (let count = 0; count < width; count++) {
      const pair = await Pair.open(({ accepted }) => {
        accepted.onData = () => {
          log.push("data");
          if (!asked) setImmediate(passEnded);
          asked = true;
        };
      });
      pairs.push(pair);
    }
    writeAll();
    await waitFor(
      () => log.length >= rounds * (width + 1),
      () => `all rounds ran: ${log}`,
    );
    const round = [...Array.from({ length: width }, () => "data"), "immediate"];
    expect(log).toEqual(Array.from({ length: rounds }, () => round).flat());
    for (const pair of pairs) pair[Symbol.dispose]();
  });
}
