import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatAddress } from "../../src/base/address.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import {
  AdmissionModel,
  beginnings,
  hosts,
  type Rules,
  type Visit,
  type Words,
} from "./admission-model.ts";
import { onBothEngines, startOn } from "./stages.ts";

// The same model as in who-gets-in.test.ts, and whole engines with real connections, one by one.

const open: Rules = {
  listener: "tcp",
  mode: "off",
  from: "any",
  allow: [],
  deny: [],
  maxRelays: 0,
  maxRelaysPerClient: 0,
  maxRelaysPerNetwork: 0,
  clientBurst: 0,
  networkBurst: 0,
  headersMax: 100,
};
const [ten, own] = ["10.0.0.0/8", "127.0.0.0/8"];
const required = { ...open, mode: "required" } as const;
const optional = { ...open, mode: "optional" } as const;

const listeners: Readonly<Record<string, Rules>> = {
  "no header, denied": { ...open, deny: [own] },
  "no header, limited": { ...open, clientBurst: 3, networkBurst: 5 },
  "required of anybody, few allowed": { ...required, allow: [ten] },
  "required of us, denied": { ...required, from: [own], deny: [own] },
  "required of others": { ...required, from: [ten] },
  "required, limited": { ...required, clientBurst: 2, networkBurst: 3 },
  "optional of us, few allowed": { ...optional, from: [own], allow: [ten] },
  "optional of anybody, some denied": { ...optional, deny: [ten] },
  "unix, required, few allowed": { ...required, listener: "unix", allow: [ten] },
  "unix, optional, some denied": { ...optional, listener: "unix", deny: [ten] },
};

/** Whole beginnings, and some that break off at the bytes where something is decided, or beside them. */
function visitsTo({ listener, mode, from }: Rules): Visit[] {
  const isAsked = mode !== "off" && (from === "any" || from.includes(own));
  // A unix socket knows no resets; and one that may come before or after the decision has two answers.
  const ends = listener === "tcp" && isAsked ? (["fin", "reset"] as const) : (["fin"] as const);
  const peer: Visit["peer"] = listener === "unix" ? "unix" : (hosts[4] ?? null);
  const whole = beginnings.map((words) => ({
    peer,
    words,
    size: words.bytes.length,
    end: "fin" as const,
  }));
  const parts = [0, 6, 13, 18].flatMap((index) => {
    const words = beginnings[index] as Words;
    const { signature, decided } = words;
    const cuts = [0, 1, signature - 1, signature, 15, decided - 1].filter((cut) => cut < decided);
    return cuts.flatMap((size) => ends.map((end) => ({ peer, words, size, end })));
  });
  return [...whole, ...parts];
}

/** Does what a visit does; resolves when it is over. */
function pay(
  visit: Visit,
  where: { port: number; host: string } | { path: string },
): Promise<void> {
  const { words, size, end } = visit;
  const isWhole = size >= words.decided;
  return new Promise((resolve) => {
    const socket = connect({ ...where, allowHalfOpen: true } as never);
    const leave = () => (end === "reset" ? socket.resetAndDestroy() : socket.end());
    socket.on("error", () => {});
    socket.once("connect", () => {
      const bytes = Buffer.concat([words.bytes.subarray(0, size), Buffer.from(isWhole ? "!" : "")]);
      if (bytes.length === 0) leave();
      else socket.write(bytes, isWhole ? undefined : leave);
    });
    // Whoever has come in hears something; then it has nothing more to say.
    socket.once("data", leave);
    socket.once("end", () => socket.end());
    socket.once("close", () => resolve());
  });
}

function flagsOf(rules: Rules): string[] {
  const flag = (name: string, value: string) => (value === "" ? [] : [name, value]);
  const burst = (name: string, count: number) =>
    count === 0 ? [] : [`--${name}-rate`, "0.001", `--${name}-burst`, String(count)];
  return [
    ...flag("--allow", rules.allow.join()),
    ...flag("--deny", rules.deny.join()),
    ...["--proxy-protocol", rules.mode],
    ...(rules.mode === "off" ? [] : ["--proxy-protocol-from", String(rules.from)]),
    ...burst("client", rules.clientBurst),
    ...burst("network", rules.networkBurst),
  ];
}

onBothEngines("who gets in", (stage) => {
  test.each(Object.entries(listeners))(
    "%s: exactly whom the model lets in",
    async (_name, rules) => {
      const folder = mkdtempSync(join(tmpdir(), "ringway-admission-"));
      const path = join(folder, "here.sock");
      const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
      try {
        const listen = rules.listener === "unix" ? `unix:${path}` : "127.0.0.1:0";
        const target = formatAddress(upstream.address);
        const common = ["-l", listen, "-u", target, "--stats", "json"];
        await using proxy = startOn(stage, [...common, ...flagsOf(rules)]);
        const [, port = ""] = await proxy.logged(/listening on \S+?(\d*) /);
        const where =
          rules.listener === "unix" ? { path } : { port: Number(port), host: "127.0.0.1" };
        const model = new AdmissionModel<Visit>(rules);
        for (const visit of visitsTo(rules)) {
          model.comes(visit);
          model.speaks(visit);
          await pay(visit, where);
          model.leaves(visit);
        }
        const { out } = await proxy.stop();
        const expected: Record<string, number> = {};
        for (const verdict of model.verdicts.values()) {
          expected[verdict] = (expected[verdict] ?? 0) + 1;
        }
        const { reasons } = JSON.parse(out).relays;
        // How those end who were in is not the question here.
        const { client_fin = 0, upstream_fin = 0, ...refused } = reasons;
        expect({ in: client_fin + upstream_fin, ...refused }).toEqual({ in: 0, ...expected });
        expect(upstream.ends).toHaveLength(expected.in ?? 0);
      } finally {
        upstream.close();
        rmSync(folder, { recursive: true });
      }
    },
    30_000,
  );
});
