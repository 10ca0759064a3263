import { expect, test } from "bun:test";
import { nameRoutes } from "../../src/config/name-routes.ts";
import { UNIX_CLIENT } from "../../src/entry/access/client-address.ts";
import type { Learned } from "../../src/entry/step.ts";
import { Steps } from "../../src/entry/steps.ts";
import { Alert, type Hello } from "../../src/entry/tls-hello/hello.ts";
import { HELLO_SIZE_MAX } from "../../src/entry/tls-hello/reader.ts";
import { RouteTable } from "../../src/entry/tls-hello/routes.ts";
import { HelloPlan } from "../../src/entry/tls-hello/step.ts";
import { server } from "../fixtures/certificates.ts";
import { End } from "../fixtures/end.ts";
import { helloOf } from "../fixtures/hellos.ts";
import { seeded } from "../fixtures/random.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { holds } from "../model/fuzz.ts";
import { inPieces, strangeHello } from "./hello-storms.ts";
import { onBothEngines, startOn } from "./stages.ts";

// Strangers where a ClientHello is to come.

/** `RINGWAY_HOSTILE=1000000` is the long run. */
const LONG = process.env.RINGWAY_HOSTILE;
const HELLOS = Number(LONG ?? 8_000);
/** Of those that a TLS server is shown, too. */
const SHOWN = LONG === undefined ? 400 : 20_000;
/** Clients of each stage that send one. */
const CLIENTS = LONG === undefined ? 600 : 20_000;
const WIDTH = 50;
const SLOW = 300;
const LONG_MS = LONG === undefined ? 60_000 : 3_600_000;
const KNOWN_ALERTS = new Set(Object.values(Alert).filter((one) => typeof one === "number"));

/** What becomes of a client. */
interface Judged {
  readonly hello: Hello | null;
  readonly alert: number | null;
}

function judged(pieces: readonly Uint8Array[]): Judged {
  let learned: Learned = {};
  let alert: number | null = null;
  const steps = new Steps([new HelloPlan(1_000, true)], {
    clientAddress: UNIX_CLIENT,
    hasUnread: false,
    stepBegins() {},
    learn(what) {
      learned = what;
    },
    reply(bytes) {
      alert = bytes.at(-1) ?? null;
      return true;
    },
  });
  steps.begin();
  for (const piece of pieces) {
    if (steps.isOver) break;
    holds(steps.feed(piece) === 0, "nothing of a hello is taken");
  }
  return { hello: learned.hello ?? null, alert };
}

test(
  `${HELLOS} hellos of strangers: each has its route, or gets an alert, or is waited for`,
  () => {
    const random = seeded(19);
    const table = new RouteTable(
      nameRoutes("a.test,*.b.test+alpn:h2,alpn:acme-tls/1,plain,default"),
    );
    const found = new Map<string, number>();
    for (let count = 0; count < HELLOS; count++) {
      const hello = strangeHello(random);
      const whole = judged([hello]);
      const pieces = judged(inPieces(hello, random));
      const isSame = pieces.alert === whole.alert && Bun.deepEquals(pieces.hello, whole.hello);
      if (!isSame) expect(pieces).toEqual(whole);
      const isWaiting = whole.hello === null && whole.alert === null;
      holds(!isWaiting || hello.length < HELLO_SIZE_MAX, "a hello has a bound");
      holds(whole.alert === null || KNOWN_ALERTS.has(whole.alert), "an alert is one of TLS");
      const label = whole.hello === null ? null : (table.find(whole.hello)?.label ?? "none");
      const what = isWaiting ? "waiting" : (label ?? "alert");
      found.set(what, (found.get(what) ?? 0) + 1);
    }
    // All of it occurs.
    expect([...found.keys()].sort()).toEqual(
      [
        "*.b.test alpn:h2",
        "a.test",
        "alert",
        "alpn:acme-tls/1",
        "default",
        "plain",
        "waiting",
      ].sort(),
    );
  },
  LONG_MS,
);

test(
  "a TLS server sees no other name than the one that a route was chosen by",
  async () => {
    const asked: string[] = [];
    const sockets = {
      data() {},
      error() {},
      serverName: (_: unknown, name: string) => void asked.push(name),
    };
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: server.cert, key: server.key },
      socket: sockets as never,
    });
    const random = seeded(23);
    let seen = 0;
    for (let count = 0; count < SHOWN; count++) {
      const hello = strangeHello(random);
      const { hello: read } = judged([hello]);
      asked.length = 0;
      const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port: listener.port });
      client.send(hello).finish();
      await waitFor(() => client.closed || client.finSeen || asked.length > 0, "it is answered");
      client.reset();
      const [name] = asked;
      if (name === undefined) continue;
      seen++;
      // What is refused here, no server sees.
      if (read !== null) expect(read.name).toBe(name.toLowerCase().replace(/\.$/, ""));
    }
    expect(seen).toBeGreaterThan(SHOWN / 10);
  },
  LONG_MS,
);

onBothEngines("hellos of strangers", (stage) => {
  test(
    "nothing is left of them, and who asks rightly is served",
    async () => {
      const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
      const to = upstream.address.kind === "tcp" ? `127.0.0.1:${upstream.address.port}` : "";
      const flags = ["-l", "127.0.0.1:0", "-u", to, "--stats", "json", "--hello-timeout", "300ms"];
      await using proxy = startOn(stage, [...flags, "--routes", "a.test,*.b.test,plain=refuse"]);
      const port = await proxy.port();
      const random = seeded(29);
      const stranger = async () => {
        const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
        for (const piece of inPieces(strangeHello(random), random)) client.send(piece);
        if (random() < 0.5) client.finish();
        await waitFor(
          () => client.closed || client.finSeen || client.receivedBytes > 0,
          "it is answered",
        );
        client.reset();
      };
      let left = CLIENTS;
      const work = async () => {
        while (left-- > 0) await stranger();
      };
      await Promise.all(Array.from({ length: WIDTH }, work));
      await served(port);
      const { out, code } = await proxy.stop();
      expect(code).toBe(0);
      const stats = JSON.parse(out);
      expect(stats.relays.running).toBe(0);
      expect(stats.memory.segmentsLeased).toBe(0);
      const { tls_no_route: none = 0, tls_hello_invalid: wrong = 0 } = stats.relays.reasons;
      expect(Math.min(none, wrong)).toBeGreaterThan(0);
      upstream.close();
    },
    LONG_MS,
  );

  test("clients that send a byte now and then hold little, and nobody up", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const to = upstream.address.kind === "tcp" ? `127.0.0.1:${upstream.address.port}` : "";
    const flags = ["-l", "127.0.0.1:0", "-u", to, "--stats", "json", "--hello-timeout", "1500ms"];
    await using proxy = startOn(stage, [...flags, "--routes", "default"]);
    const port = await proxy.port();
    const hello = helloOf({ name: "a.test" });
    const slow = await Promise.all(
      Array.from({ length: SLOW }, () => End.connect({ kind: "tcp", host: "127.0.0.1", port })),
    );
    for (let at = 0; slow.some(({ closed }) => !closed); at++) {
      for (const client of slow) if (!client.closed) client.send(hello.subarray(at, at + 1));
      if (at % 5 === 0) await served(port);
      await Bun.sleep(60);
    }
    const { out } = await proxy.stop();
    const { relays, memory } = JSON.parse(out);
    const { tls_hello_timeout: late = 0, preamble_full: old = 0 } = relays.reasons;
    expect(late + old).toBe(SLOW);
    // A segment of 64 KiB for each, as it may have a buffer of its own there, and not one for each byte.
    expect(memory.segmentsLeasedMax).toBeLessThanOrEqual(SLOW + 16);
    upstream.close();
  }, 60_000);
});

/** A client that asks rightly gets its echo. */
async function served(port: number): Promise<void> {
  const hello = helloOf({ name: "a.test" });
  const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
  client.send(hello);
  await waitFor(() => client.receivedBytes === hello.length, "the hello comes back");
  client.reset();
}
