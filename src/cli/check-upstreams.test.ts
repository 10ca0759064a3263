import { expect, test } from "bun:test";
import type { Address, UpstreamAddress } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import type { WantedListener } from "../config/options.ts";
import { checkUpstreams } from "./check-upstreams.ts";

function listenerTo(...upstreams: UpstreamAddress[]): WantedListener {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  return { ...listenerDefaults, address, upstreams: upstreams.map(plainUpstream) };
}

function service(name: string): UpstreamAddress {
  return { kind: "service", name };
}

function tcp(host: string, port: number): Address {
  return { kind: "tcp", host, port };
}

test("each upstream whose name or service has no address is one warning, and each name is asked for once", async () => {
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
    listenerTo(service("_a._tcp.good.test"), service("_a._tcp.bad.test")),
    listenerTo(service("_a._tcp.bad.test")),
    listenerTo(tcp("bad.test", 1), tcp("bad.test", 2), tcp("10.0.0.1", 1), tcp("::1", 1)),
  ];
  const services = {
    problem: async (name: string) => {
      asked.push(name);
      return name.endsWith("good.test") ? null : "no answer from DNS in time";
    },
  };
  await checkUpstreams(listeners, { upstreams: { names }, services }, log);
  expect(asked).toEqual(["good.test", "bad.test", "_a._tcp.good.test", "_a._tcp.bad.test"]);
  expect(lines).toEqual([
    "cannot relay to bad.test:1 yet: unknown host; it is looked up again and again",
    "cannot relay to bad.test:2 yet: unknown host; it is looked up again and again",
    "cannot relay to srv:_a._tcp.bad.test yet: no answer from DNS in time; it is looked up again and again",
  ]);
});
