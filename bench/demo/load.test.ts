import { afterEach, describe, expect, test } from "bun:test";
import { type Behaviour, Upstream } from "../../test/fixtures/upstream.ts";
import { type Load, type LoadResult, LoadRun } from "./load.ts";
import { OK, request } from "./resp.ts";
import { table } from "./table.ts";

/** One connection that wants five times the same answer; a lie need not be subtle. */
const load: Load = {
  name: "five",
  connections: 1,
  batches: () => [{ request: request("SET", "key", "value"), reply: OK, requests: 1 }],
  batchesMax: 5,
  durationMs: 5_000,
};

let upstream: Upstream | null = null;

afterEach(() => upstream?.close());

/** Drives a load against an upstream that does `behaviour`; one tenth of a second is stuck. */
async function drive(behaviour: Behaviour, given = load): Promise<LoadResult> {
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, behaviour);
  const { address } = upstream;
  if (address.kind !== "tcp") throw new Error("a TCP address was asked for");
  return await new LoadRun(given, 100).run("127.0.0.1", address.port, () => {});
}

/** Answers the n-th request with `replies[n]`, and FIN with FIN. */
function answering(...replies: readonly string[]): Behaviour {
  return (end) => {
    let count = 0;
    end.onData = () => void end.send(replies[count++] ?? "");
    end.onFin = () => void end.finish();
  };
}

const right = "+OK\r\n";

describe("the demo's load", () => {
  test("counts what was answered rightly", async () => {
    const result = await drive(answering(right, right, right, right, right));
    expect(result).toMatchObject({ requests: 5, errors: 0, failure: null });
    expect(result.bytes).toBe(5 * (request("SET", "key", "value").length + OK.length));
    expect(table([result])).toMatch(/^load +requests .*\nfive +5 +0 /);
  });

  test.each([
    ["a wrong byte", [right, "+NO\r\n"], "answered wrongly near byte 0"],
    ["an answer too many", [right, right + right], "answered wrongly"],
    ["an error", ["-ERR no\r\n"], "answered wrongly"],
    ["no answer", [right, right], "stood still for 0.1 s"],
    ["half an answer", [right, "+O"], "stood still for 0.1 s"],
  ])("notices %s", async (_, replies, failure) => {
    const result = await drive(answering(...replies));
    expect(result.failure).toContain(failure);
    expect(result.errors).toBe(1);
    expect(result.requests).toBeLessThan(5);
  });

  test("notices a connection that is ended or reset before its last answer", async () => {
    const ended = await drive((end) => {
      end.onData = () => void end.send("+O").finish();
    });
    expect(ended.failure).toContain("was ended by the other end");
    upstream?.close();
    const reset = await drive((end) => {
      end.onData = () => end.reset();
    });
    expect(reset.failure).toContain("was dropped");
  });

  test("one wrong answer does not cut the other connections short", async () => {
    let connections = 0;
    const lying: Behaviour = (end) => {
      const reply = connections++ === 0 ? "+NO\r\n" : right;
      end.onData = () => void end.send(reply);
      end.onFin = () => void end.finish();
    };
    const result = await drive(lying, { ...load, connections: 3 });
    expect(result).toMatchObject({ errors: 1 });
    expect(result.failure).toContain("answered wrongly");
  });
});
