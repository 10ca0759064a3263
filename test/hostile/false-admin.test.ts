import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROGRAM } from "../fixtures/cli-process.ts";

// Whoever takes the address of an admin server answers `ringway relays` and the like as he wants.

setDefaultTimeout(20_000);

const EVIL =
  "x\u001b[2J\u001b]0;owned\u0007\u009b31m\r\nforged: line\u061c\u202e\u2066\u2028\u{e0041}\ud800";
/** What a terminal would obey, or what would make text look like other text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const flow = { receivedBytes: 1 };
const relay = {
  id: 1,
  client: "c",
  upstream: "u",
  durationMs: 1,
  isWaiting: false,
  up: flow,
  down: flow,
};
const listener = {
  name: "n",
  listen: "l",
  address: "a",
  mode: "oneway",
  upstreams: ["u"],
  upstreamInside: false,
  accepting: true,
};
const upstream = {
  id: 1,
  listener: "l",
  upstream: "u",
  service: "s",
  isBackup: true,
  weight: 2,
  effectiveWeight: 1,
  state: "ready",
  health: "up",
  running: 1,
  maxRelays: 2,
  lastCheck: { detail: "d" },
  trouble: "t",
  healthForMs: 1,
  addresses: [{ address: "a", health: "down", isCurrent: false }],
};
const relays = { running: 1, matching: 1, relays: [relay] };
const plan = {
  summary: "s",
  added: [listener],
  removed: [listener],
  changed: [{ before: listener, after: listener }],
  reopened: [listener],
  needRestart: ["engine"],
};
const state = {
  version: "1",
  pid: 1,
  status: "ready",
  startedAt: 1,
  uptimeMs: 1,
  engine: { name: "uring", workers: 1 },
  listeners: [listener],
  upstreams: [upstream],
  totals: {
    durationMs: 1,
    relays: { running: 1, accepted: 1 },
    up: flow,
    down: flow,
    memory: { segmentsLeased: 1, segmentSizeBytes: 1 },
  },
  latency: { dialMs: { p50: 1, p99: 1 }, firstByteMs: { p50: 1, p99: 1 } },
};

/** Right answers, by their paths. */
const answers: Readonly<Record<string, unknown>> = {
  "/api/relays": relays,
  "/api/upstreams": { upstreams: [upstream] },
  "/api/plan": plan,
  "/api/drain": { status: "draining", running: 1, drainTimeoutMs: 1 },
  "/api/listeners/x/drain": { listener: "x", drainTimeoutMs: 1 },
  "/api/state": state,
};

const commands: readonly (readonly string[])[] = [
  ["relays"],
  ["relays", "--json"],
  ["upstreams"],
  ["upstreams", "--json"],
  ["plan"],
  ["drain"],
  ["drain", "--listener", "x"],
  ["top"],
];

type Change = (value: unknown, key: string) => unknown;

/** A document with every value in it changed, its lists and tables kept. */
function changed(value: unknown, change: Change, key = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => changed(one, change, key));
  if (typeof value !== "object" || value === null) return change(value, key);
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, changed(one, change, name)]),
  );
}

/** What a false server makes of a right answer: its text and its status. */
const lies: Readonly<Record<string, (answer: unknown) => Response>> = {
  "the truth": (answer) => Response.json(answer),
  "every text a terminal's orders": (answer) =>
    Response.json(changed(answer, (value) => (typeof value === "string" ? EVIL : value))),
  "every value a terminal's orders": (answer) => Response.json(changed(answer, () => EVIL)),
  "every number a terminal's orders": (answer) =>
    Response.json(changed(answer, (value) => (typeof value === "number" ? EVIL : value))),
  "numbers that are none": (answer) =>
    new Response(JSON.stringify(answer).replaceAll(/:\d+/g, ":1e999")),
  "numbers below zero": (answer) =>
    new Response(JSON.stringify(answer).replaceAll(/:\d+/g, ":-1.5e300")),
  "everything null": (answer) => Response.json(changed(answer, () => null)),
  null: () => new Response("null"),
  "no JSON": () => new Response(EVIL),
  "a refusal without words": () => Response.json({}, { status: 422 }),
  "a refusal with a terminal's orders": () =>
    Response.json({ error: EVIL, problems: [EVIL, EVIL] }, { status: 422 }),
  "a refusal that is none": () => Response.json({ error: 7, problems: EVIL }, { status: 409 }),
  "another place": () => new Response(null, { status: 302, headers: { location: "/api/state" } }),
};

let lie = "the truth";
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: ({ url }) => {
    const answer = answers[new URL(url).pathname];
    return (lies[lie] as (answer: unknown) => Response)(answer);
  },
});

afterAll(() => server.stop(true));

async function run(command: readonly string[], port = server.port) {
  const admin = ["--admin", `127.0.0.1:${port}`];
  const child = Bun.spawn([...PROGRAM, ...command, ...admin], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 15_000,
    killSignal: "SIGKILL",
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, out, err };
}

describe.each(Object.keys(lies))("a false admin server that answers %s", (name) => {
  test("is believed where that is possible, and obeyed by no terminal", async () => {
    lie = name;
    const all = await Promise.all(
      commands.map(async (command) => ({ command: command.join(" "), ...(await run(command)) })),
    );
    const isTruth = name === "the truth";
    for (const { command, code, out, err } of all) {
      const told = {
        command,
        code,
        lines: (out + err).split("\n").filter((l) => UNPRINTABLE.test(l)),
      };
      expect(told).toEqual({ command, code: isTruth ? 0 : expect.any(Number), lines: [] });
      expect([0, 1, 2]).toContain(code);
      expect(`${command}: ${out}`).not.toContain("\nforged");
      expect(`${command}: ${err}`).not.toContain("defect");
      // Whatever it says, the answer is shown or it is told why not.
      expect((out + err).length).toBeGreaterThan(0);
    }
  });
});

test("one that never comes to an end takes no memory for ever", async () => {
  const endless = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: () => {
      const chunk = new Uint8Array(1024 * 1024).fill(0x20);
      return new Response(new ReadableStream({ pull: (to) => to.enqueue(chunk) }));
    },
  });
  const { code, out, err } = await run(["relays"], endless.port);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain("is no admin API of ringway");
  await endless.stop(true);
});
