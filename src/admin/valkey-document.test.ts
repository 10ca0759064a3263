import { expect, test } from "bun:test";
import { commandFigures, listenerFigures } from "../counts/figures.ts";
import { engineStats, valkeyStats } from "../observe/test-figures.ts";
import type { CommandStats } from "../relay/ledger/valkey-stats.ts";
import { valkeyDocument } from "./valkey-document.ts";

const listener = { ...listenerFigures.none(), upstreams: [] };

function command(name: string, parts: Partial<CommandStats> = {}): CommandStats {
  const none = { calls: 0, upstreamTimes: [], waitTimes: [] };
  return { command: name, ...commandFigures.none(), ...none, ...parts };
}

test("listeners of other modes are left out, and commands ordered by calls", () => {
  const times = { upstreamTimes: [0, 0, 0, 0, 4], waitTimes: [4] };
  const get = command("GET", { calls: 4, upstreamMs: 3, waitMs: 0.1, errors: 1, ...times });
  const valkey = valkeyStats({ clients: 2, commands: [command("SUBSCRIBE", { relayed: 1 }), get] });
  const document = valkeyDocument(
    engineStats({
      listeners: [
        { listener: "plain", ...listener, valkey: null },
        { listener: "cache", ...listener, valkey },
      ],
    }),
  );
  expect(document).toMatchObject({
    durationMs: 4_000,
    listeners: [
      {
        listener: "cache",
        clients: 2,
        commands: [
          { command: "GET", calls: 4, errors: 1, upstreamMs: { mean: 0.75, p50: 0.75 } },
          { command: "SUBSCRIBE", relayed: 1, upstreamMs: null, waitMs: null },
        ],
      },
    ],
  });
  expect(document.listeners.length).toBe(1);
  expect(document.listeners[0]?.commands[0]?.upstreamMs?.p99).toBeCloseTo(0.995);
});
