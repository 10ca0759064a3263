import { expect, test } from "bun:test";
import { plainUpstream } from "../config/listeners.ts";
import { type Address, type ListenerOptions, listenerDefaults } from "../config/options.ts";
import { checkUpstreams } from "./check-upstreams.ts";

function listenerTo(...upstreams: Address[]): ListenerOptions {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  return { ...listenerDefaults, address, upstreams: upstreams.map(plainUpstream) };
}

function tcp(host: string, port: number): Address {
  return { kind: "tcp", host, port };
}

test("each upstream whose name has no address is one warning, and each name is asked for once", async () => {
  const lines: string[] = [];
  const asked: string[] = [];
  const names = {
    problem: async (name: string) => {
      asked.push(name);
      return name === "good.test" ? null : "unknown host";
    },
  };
  const log = Object.assign({ warn: (line: string) => lines.push(line) }) as never;
  const listeners = [
    listenerTo(tcp("good.test", 1), tcp("bad.test", 1), { kind: "unix", path: "/a" }),
    listenerTo(tcp("bad.test", 1), tcp("bad.test", 2), tcp("10.0.0.1", 1), tcp("::1", 1)),
  ];
  await checkUpstreams(listeners, names, log);
  expect(asked).toEqual(["good.test", "bad.test"]);
  expect(lines).toEqual([
    "cannot relay to bad.test:1 yet: unknown host; it is looked up again and again",
    "cannot relay to bad.test:2 yet: unknown host; it is looked up again and again",
  ]);
});
