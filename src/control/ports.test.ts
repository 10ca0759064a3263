import { afterEach, describe, expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Listening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets } from "../engine/listening-socket.ts";
import { type Neighbour, type NeighboursOn, type Opened, Ports } from "./ports.ts";

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
const portOf = ({ listening: { address } }: Opened) => (address.kind === "tcp" ? address.port : 0);
const staying = ({ places }: Opened): Neighbour => ({ places, stays: true });
const near =
  (...open: Neighbour[]): NeighboursOn =>
  () =>
    open;

describe.skipIf(process.platform !== "linux")("a listener", () => {
  test("listens on all addresses of its name that this machine has, by one port", async () => {
    const found = ["127.0.0.1", "127.0.0.2", "192.0.2.1", "127.0.0.1"];
    const ports = new Ports(engine(), 2, nowhere, async () => found);
    const options = listener("proxy.test:0");
    const opened = await ports.listen(options, near());
    const port = portOf(opened);
    expect(port).toBeGreaterThan(0);
    const texts = opened.places.map(formatAddress);
    expect(texts).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
    // What is told has the name, and each worker has a socket of its own on both.
    const named = given.flatMap(({ sockets }) => sockets.map(({ address }) => address));
    expect(named.map(formatAddress)).toEqual(Array.from({ length: 4 }, () => `proxy.test:${port}`));
    await opened.listening.update(options);
    await opened.listening.close();
    expect(told).toEqual(["1 updated", "2 updated", "1 closed", "2 closed"]);
  });

  test("of a name that this machine has nothing of, or nobody knows, does not listen", async () => {
    const absent = new Ports(engine(), 1, nowhere, async () => ["192.0.2.1"]);
    const failed = await absent.listen(listener("proxy.test:0"), near()).catch((it) => it);
    expect(failed).toBeInstanceOf(ListenError);
    expect(failed.code).toBe("EADDRNOTAVAIL");
    const unknown = new Ports(engine(), 1, nowhere, async () => []);
    const lost = await unknown.listen(listener("proxy.test:0"), near()).catch((it) => it);
    expect(lost.code).toBe("ENOTFOUND");
    expect(given).toEqual([]);
  });

  test("that fails on one of its addresses listens on none", async () => {
    const ports = new Ports(engine(1), 1, nowhere, async () => ["127.0.0.1", "127.0.0.2"]);
    const failed = await ports.listen(listener("proxy.test:0"), near()).catch((it) => it);
    expect(failed.message).toBe("it cannot");
    expect(told).toEqual(["1 closed"]);
  });

  test("may be wider or narrower than another one, but not the very same", async () => {
    const ports = new Ports(engine(), 1, nowhere);
    const one = await ports.listen(listener("127.0.0.1:0"), near());
    const port = portOf(one);
    const wider = await ports.listen(listener(`0.0.0.0:${port}`), near(staying(one)));
    await ports.listen(listener(`:${port}`), near(...[one, wider].map(staying)));
    const twin = listener(`127.0.0.1:${port}`);
    const failed = await ports.listen(twin, near(staying(one))).catch((error) => error);
    expect(failed).toMatchObject({ code: "EADDRINUSE", holder: { isGoing: false } });
    // One that goes may be in the same place for a moment.
    await ports.listen(twin, near({ ...one, stays: false }));
    expect(given).toHaveLength(4);
  });
});
