import { expect } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { edgeDefaults } from "../../src/config/defaults.ts";
import type { ListenerOptions, RouteOptions } from "../../src/config/options.ts";
import { TlvType } from "../../src/entry/proxy-protocol/header.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import type { Connection, Decision, Route } from "../../src/entry/route/connection.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import { listener, openAdmission, rowed } from "../fixtures/options.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Longer than any case may take. */
const NEVER_MS = 120_000;
const MIB = 1024 * 1024;
const CLIENTS = 400;

/** What a listener's function may do to its connections, and what its failures may not. */
export function routeCases(suite: Suite): void {
  knowledgeCases(suite);
  decisionCases(suite);
  failureCases(suite);
  timeCases(suite);
}

function routing(hook: Route, options: Partial<RouteOptions> = {}): Partial<ListenerOptions> {
  return { route: { hook, timeoutMs: NEVER_MS, failure: "relay", ...options } };
}

/** Functions come without types, too. */
function answering(answer: () => unknown): Route {
  return answer as Route;
}

/** A listener whose function is this one, in front of an upstream that echoes. */
async function routed(
  scene: Scene,
  hook: Route,
  options: Partial<RouteOptions> = {},
  others: Partial<ListenerOptions> = {},
): Promise<Address> {
  const upstream = await scene.upstream(echo);
  return await scene.listen([upstream], { ...routing(hook, options), ...others });
}

async function served(scene: Scene, address: Address) {
  const client = await scene.client(address);
  client.send("hello");
  await waitFor(() => client.receivedBytes === 5, "the echo is here");
  return client;
}

/** A function whose answers a case gives by hand, in the order of the questions. */
class Thinker {
  readonly asked: { connection: Connection; answer: (decision: Decision) => void }[] = [];
  readonly hook: Route = (connection) => {
    const { promise, resolve } = Promise.withResolvers<Decision>();
    this.asked.push({ connection, answer: resolve });
    return promise;
  };

  /** Waits for so many questions. @returns how the last one is answered */
  async question(count: number): Promise<(decision: Decision) => void> {
    await waitFor(() => this.asked.length === count, `${count} questions are here`);
    return this.asked[count - 1]?.answer ?? (() => {});
  }
}

function knowledgeCases(suite: Suite): void {
  suite.case("a function is told of its connection", async (scene) => {
    const told: Connection[] = [];
    const upstream = await scene.upstream(echo);
    const other = scene.refusing();
    const hook: Route = (connection) => void told.push(connection);
    const address = await scene.listen([upstream, other], { ...routing(hook), name: "redis" });
    await served(scene, address);
    expect(told).toEqual([
      {
        listener: "redis",
        client: (await scene.engine.relays())[0]?.client ?? "",
        local: formatAddress(address),
        header: null,
        hello: null,
        tls: null,
        route: null,
        upstreams: [formatAddress(upstream.address), formatAddress(other)],
        states: [
          { upstream: formatAddress(upstream.address), isOpen: true, running: 1, maxRelays: 0 },
          { upstream: formatAddress(other), isOpen: true, running: 0, maxRelays: 0 },
        ],
      },
    ]);
  });

  suite.case(
    "and of one through a unix socket",
    async (scene) => {
      const told: Connection[] = [];
      const hook: Route = (connection) => void told.push(connection);
      const place = await scene.place("unix");
      const address = await routed(scene, hook, {}, { address: place });
      await served(scene, address);
      const listener = formatAddress(place);
      expect(told).toMatchObject([{ listener, client: "unix", local: "unix" }]);
    },
    { needs: ["unix"] },
  );

  suite.case("and of what its PROXY header says", async (scene) => {
    const told: Connection[] = [];
    const hook: Route = (connection) => void told.push(connection);
    const edge = { ...edgeDefaults, proxyProtocol: "required", tables: openAdmission } as const;
    const address = await routed(scene, hook, {}, { edge });
    const client = await scene.client(address);
    const text = (value: string) => new TextEncoder().encode(value);
    const header = writeProxyHeader({
      version: 2,
      command: "proxy",
      source: encodeSockaddr({ kind: "tcp", host: "203.0.113.7", port: 4711 }),
      destination: encodeSockaddr({ kind: "tcp", host: "192.0.2.1", port: 80 }),
      tlvs: [
        { type: TlvType.Authority, value: text("bücher.example") },
        { type: TlvType.UniqueId, value: Uint8Array.of(0x61, 0xff) },
      ],
      crc32c: true,
    });
    client.send(Buffer.concat([header, Buffer.from("hello")]));
    await waitFor(() => client.receivedBytes === 5, "the echo is here");
    expect(told).toMatchObject([
      {
        client: "203.0.113.7:4711",
        local: "192.0.2.1:80",
        header: { version: 2, authority: "bücher.example", alpn: null, uniqueId: "a\ufffd" },
      },
    ]);
  });
}

function decisionCases(suite: Suite): void {
  suite.case("the upstream that it chooses comes first, whatever its weight", async (scene) => {
    const usual = await scene.upstream(echo);
    const chosen = await scene.upstream(echo);
    const upstreams = [
      rowed(usual.address, 0),
      { ...rowed(chosen.address, 1), weight: 0, isBackup: true },
    ];
    scene.weigh([1, 0]);
    let count = 0;
    const hook: Route = ({ upstreams }) => (count++ < 3 ? { upstream: upstreams[1] } : null);
    const address = await scene.listen([], { upstreams, ...routing(hook) });
    for (let round = 0; round < 5; round++) await served(scene, address);
    expect([usual.ends.length, chosen.ends.length]).toEqual([2, 3]);
  });

  suite.case("of one that was taken away meanwhile nobody else takes the place", async (scene) => {
    const thinker = new Thinker();
    const [a, b] = [await scene.upstream(echo), await scene.upstream(echo)];
    const [first, second] = [rowed(a.address, 0), rowed(b.address, 1)];
    const base = { ...listener({ upstreams: [first, second] }), ...routing(thinker.hook) };
    const listening = await scene.engine.listen(base);
    await scene.client(listening.address);
    const answer = await thinker.question(1);
    await listening.update({ ...base, upstreams: [first] });
    answer({ upstream: formatAddress(b.address), strict: true });
    expect(await scene.ended(1)).toMatchObject({ reason: "no_upstream", dials: 0 });
    expect([a.ends.length, b.ends.length]).toEqual([0, 0]);
  });

  suite.case("a label is in the story, from then on to the end", async (scene) => {
    const thinker = new Thinker();
    const address = await routed(scene, thinker.hook);
    const client = await scene.client(address);
    const answer = await thinker.question(1);
    expect(await scene.engine.relays()).toMatchObject([{ label: null }]);
    answer({ label: "tenant é 7" });
    client.send("hello");
    await waitFor(() => client.receivedBytes === 5, "the echo is here");
    expect(await scene.engine.relays()).toMatchObject([{ label: "tenant é 7" }]);
    client.reset();
    expect(await scene.ended(1)).toMatchObject({ label: "tenant é 7" });
    // The next tenant of the slot has none of it.
    await scene.client(address);
    await thinker.question(2);
    expect(await scene.engine.relays()).toMatchObject([{ label: null }]);
  });

  suite.case("another function is for who comes then", async (scene) => {
    const [before, after] = [new Thinker(), new Thinker()];
    const upstream = await scene.upstream(echo);
    const options = { upstreams: [rowed(upstream.address, 0)] };
    const { engine } = scene;
    const base = { ...listener(options), ...routing(before.hook) };
    const listening = await engine.listen(base);
    const first = await scene.client(listening.address);
    const answer = await before.question(1);
    await listening.update({ ...base, ...routing(after.hook) });
    await scene.client(listening.address);
    (await after.question(1))({ refuse: true });
    expect(await scene.ended(1)).toMatchObject({ reason: "route_refused" });
    answer(null);
    first.send("hello");
    await waitFor(() => first.receivedBytes === 5, "the echo is here");
    expect([before.asked.length, after.asked.length]).toEqual([1, 1]);
  });

  suite.case("an upstream that it names is found among others, too", async (scene) => {
    const thinker = new Thinker();
    const [a, b, c] = [
      await scene.upstream(echo),
      await scene.upstream(echo),
      await scene.upstream(echo),
    ];
    const [first, second, third] = [a, b, c].map(({ address }, slot) => rowed(address, slot));
    if (first === undefined || second === undefined || third === undefined) throw new Error();
    const base = { ...listener({ upstreams: [first, second] }), ...routing(thinker.hook) };
    const listening = await scene.engine.listen(base);
    const client = await scene.client(listening.address);
    const answer = await thinker.question(1);
    const gone = await scene.client(listening.address);
    const answerToo = await thinker.question(2);
    await listening.update({ ...base, upstreams: [third, first] });
    answer({ upstream: formatAddress(a.address) });
    client.send("x");
    await waitFor(() => client.receivedBytes === 1, "the echo is here");
    expect([a.ends.length, b.ends.length, c.ends.length]).toEqual([1, 0, 0]);
    // One that is not there any more is no wish.
    answerToo({ upstream: formatAddress(b.address) });
    gone.send("x");
    await waitFor(() => gone.receivedBytes === 1, "the echo is here");
    expect([a.ends.length, b.ends.length, c.ends.length]).toEqual([1, 0, 1]);
  });

  suite.case(
    "it may ask the engine, and cut the very relay that it decides about",
    async (scene) => {
      const hook: Route = async () => {
        const [relay] = await scene.engine.relays();
        scene.engine.stats();
        scene.engine.cut(relay?.id ?? 0);
        return { label: "cut" };
      };
      await scene.client(await routed(scene, hook));
      expect(await scene.ended(1)).toMatchObject({ reason: "admin", dials: 0 });
    },
  );
}

/** Functions that are of no use, and how that is told; src/entry/route/answer.test.ts has more. */
const failing: readonly (readonly [string, Route, RegExp])[] = [
  [
    "throws",
    answering(() => {
      throw "a text";
    }),
    /^it throws: a text$/,
  ],
  ["never answers", () => new Promise(() => {}), /^no answer within 100ms$/],
  ["names no upstream", () => ({ upstream: "elsewhere:1" }), /^upstream: expected one of/],
];

function failureCases(suite: Suite): void {
  for (const [what, hook, why] of failing) {
    suite.case(`one that ${what} is as if it were not there, or refuses`, async (scene) => {
      const limits = { timeoutMs: 100 };
      const open = await routed(scene, hook, limits, { name: "open" });
      const shut = await routed(scene, hook, { ...limits, failure: "refuse" }, { name: "shut" });
      const client = await served(scene, open);
      expect(await scene.engine.relays()).toMatchObject([{ label: null, dials: 1 }]);
      await scene.client(shut);
      expect(await scene.ended(1)).toMatchObject({ reason: "route_failed", label: null, dials: 0 });
      client.reset();
      await waitFor(() => scene.record.routesFailed.length === 2, "both are told");
      expect(scene.record.routesFailed).toEqual([
        { listener: "open", why: expect.stringMatching(why) },
        { listener: "shut", why: expect.stringMatching(why) },
      ]);
      expect(scene.engine.stats().routeFailures).toBe(2);
    });
  }

  suite.case("an answer that comes too late changes nothing", async (scene) => {
    const thinker = new Thinker();
    const address = await routed(scene, thinker.hook, { timeoutMs: 50 });
    const client = await served(scene, address);
    (await thinker.question(1))({ refuse: true, label: "late" });
    // Whatever comes of it is there before the next one's own.
    await scene.client(address);
    (await thinker.question(2))({ refuse: true });
    await scene.ended(1);
    client.send("again");
    await waitFor(() => client.receivedBytes === 10, "it goes on");
    expect(await scene.engine.relays()).toMatchObject([{ label: null }]);
    expect(scene.record.routesFailed).toHaveLength(1);
  });
}

function timeCases(suite: Suite): void {
  suite.case("what a client sends meanwhile arrives whole, and so does its end", async (scene) => {
    const thinker = new Thinker();
    const address = await routed(scene, thinker.hook);
    const client = await scene.client(address);
    client.expects(7).offer({ seed: 7, total: 3 * MIB });
    client.finish();
    const answer = await thinker.question(1);
    await waitFor(
      async () => ((await scene.engine.relays())[0]?.up.receivedBytes ?? 0) > 0,
      "some are here",
    );
    answer({ label: "slow" });
    await waitFor(() => client.receivedBytes === 3 * MIB, "all of it is back");
    expect(client.mismatchAt).toBe(-1);
    expect(await scene.ended(1)).toMatchObject({ reason: "client_fin", label: "slow" });
  });

  suite.case(
    "a client leaves meanwhile, and the next one is not mistaken for it",
    async (scene) => {
      const thinker = new Thinker();
      const address = await routed(scene, thinker.hook);
      const first = await scene.client(address);
      first.send("hello");
      const refuse = await thinker.question(1);
      first.reset();
      expect(await scene.ended(1)).toMatchObject({ reason: "client_reset", dials: 0 });
      const second = await scene.client(address);
      const accept = await thinker.question(2);
      refuse({ refuse: true, label: "not you" });
      accept({ label: "you" });
      second.send("hello");
      await waitFor(() => second.receivedBytes === 5, "the echo is here");
      expect(await scene.engine.relays()).toMatchObject([{ label: "you" }]);
      expect(scene.record.routesFailed).toEqual([]);
    },
  );

  suite.case(`${CLIENTS} clients at once get what each of them is to get`, async (scene) => {
    const [one, two] = [await scene.upstream(echo), await scene.upstream(echo)];
    let turn = 0;
    const hook: Route = async ({ client, upstreams }) => {
      await Bun.sleep(turn++ % 40);
      const port = Number(client.split(":").at(-1));
      return { upstream: upstreams[port % 2], label: client, refuse: port % 5 === 0 };
    };
    const address = await scene.listen([one, two], routing(hook));
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = await scene.client(address, (end) => {
          end.onData = () => client?.reset();
        });
        client.send("hello");
        return client;
      }),
    );
    await waitFor(() => clients.every(({ closed }) => closed), "all of them are through");
    await scene.ended(CLIENTS);
    for (const { client, label, reason, upstream } of scene.record.ended) {
      const port = Number(client.split(":").at(-1));
      expect({ label, isRefused: reason === "route_refused" }).toEqual({
        label: client,
        isRefused: port % 5 === 0,
      });
      const place = formatAddress([one, two][port % 2]?.address ?? one.address);
      expect(upstream).toBe(port % 5 === 0 ? null : place);
    }
    expect(scene.record.routesFailed).toEqual([]);
  });
}
