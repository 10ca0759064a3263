import { afterEach, describe, expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../base/address.ts";
import { type ListenerOptions, listenerDefaults } from "../config/options.ts";
import type { Listening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets } from "../engine/listening-socket.ts";
import { Ports } from "./ports.ts";

let given: GivenSockets[] = [];
/** Updates and ends of parts. */
let told: string[] = [];

afterEach(() => {
  closeAll(given);
  given = [];
  told = [];
});

/** An engine that keeps what it is given, and fails with the socket of this number. */
function engine(failsWith = -1) {
  return {
    async listen(_: ListenerOptions, sockets?: GivenSockets): Promise<Listening> {
      if (sockets === undefined) throw new Error("it was given nothing");
      if (given.length === failsWith) {
        closeAll([sockets]);
        throw new Error("it cannot");
      }
      const number = given.push(sockets);
      return {
        address: sockets.sockets[0].address,
        update: async () => void told.push(`${number} updated`),
        close: async () => void told.push(`${number} closed`),
      };
    },
  };
}

function listener(text: string): ListenerOptions {
  return { ...listenerDefaults, address: parseAddress(text, "listener"), upstreams: [] };
}

const nowhere = () => undefined;
const noneOpen: ReadonlyMap<string, boolean> = new Map();
const portOf = ({ address }: Listening) => (address.kind === "tcp" ? address.port : 0);

describe.skipIf(process.platform !== "linux")("a listener", () => {
  test("listens on all addresses of its name that this machine has, by one port", async () => {
    const found = ["127.0.0.1", "127.0.0.2", "192.0.2.1", "127.0.0.1"];
    const ports = new Ports(engine(), 2, nowhere, async () => found);
    const options = listener("proxy.test:0");
    const listening = await ports.listen("a", options, noneOpen);
    const port = portOf(listening);
    expect(port).toBeGreaterThan(0);
    const texts = ports.placesOf("a").map(formatAddress);
    expect(texts).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
    // What is told has the name, and each worker has a socket of its own on both.
    const named = given.flatMap(({ sockets }) => sockets.map(({ address }) => address));
    expect(named.map(formatAddress)).toEqual(Array.from({ length: 4 }, () => `proxy.test:${port}`));
    await listening.update(options);
    await listening.close();
    expect(told).toEqual(["1 updated", "2 updated", "1 closed", "2 closed"]);
  });

  test("of a name that this machine has nothing of, or nobody knows, does not listen", async () => {
    const absent = new Ports(engine(), 1, nowhere, async () => ["192.0.2.1"]);
    const failed = await absent.listen("a", listener("proxy.test:0"), noneOpen).catch((it) => it);
    expect(failed).toBeInstanceOf(ListenError);
    expect(failed.code).toBe("EADDRNOTAVAIL");
    const unknown = new Ports(engine(), 1, nowhere, async () => []);
    const lost = await unknown.listen("a", listener("proxy.test:0"), noneOpen).catch((it) => it);
    expect(lost.code).toBe("ENOTFOUND");
    expect(given).toEqual([]);
  });

  test("that fails on one of its addresses listens on none", async () => {
    const ports = new Ports(engine(1), 1, nowhere, async () => ["127.0.0.1", "127.0.0.2"]);
    const failed = await ports.listen("a", listener("proxy.test:0"), noneOpen).catch((it) => it);
    expect(failed.message).toBe("it cannot");
    expect(told).toEqual(["1 closed"]);
  });

  test("may be wider or narrower than another one, but not the very same", async () => {
    const ports = new Ports(engine(), 1, nowhere);
    const port = portOf(await ports.listen("a", listener("127.0.0.1:0"), noneOpen));
    const stays = new Map([["a", true]]);
    await ports.listen("b", listener(`0.0.0.0:${port}`), stays);
    await ports.listen("c", listener(`:${port}`), new Map([...stays, ["b", true]]));
    const twin = listener(`127.0.0.1:${port}`);
    const failed = await ports.listen("d", twin, stays).catch((error) => error);
    expect(failed).toMatchObject({ code: "EADDRINUSE", holder: { isGoing: false } });
    // One that goes may be in the same place for a moment.
    await ports.listen("d", twin, new Map([["a", false]]));
    expect(given).toHaveLength(4);
  });
});
