import { expect, test } from "bun:test";
import type { Address } from "./address.ts";
import { type Machine, plainHost, reaches } from "./reach.ts";

const machine: Machine = {
  hosts: new Set(["10.0.0.5", "2001:db8::5", "fe80::1", "fe80::1%eth0", "fe80::1%2"]),
  socketAt: (path) => ({ "/run/a": "1:7", "/run/link": "1:7", "/run/b": "1:8" })[path] ?? null,
};

function at(host: string, port = 7): Address {
  return host.startsWith("/") || host.startsWith("\0")
    ? { kind: "unix", path: host }
    : { kind: "tcp", host, port };
}

test.each([
  ["127.0.0.1", ["127.0.0.1", "::", "0.0.0.0", "localhost", "::ffff:127.0.0.1"]],
  ["::ffff:127.0.0.1", ["127.0.0.1", "::", "0.0.0.0", "localhost"]],
  ["::ffff:7f00:1", ["127.0.0.1"]],
  ["0:0:0:0:0:FFFF:127.0.0.1", ["127.0.0.1"]],
  ["127.9.8.7", ["::", "0.0.0.0", "127.9.8.7"]],
  ["::1", ["::1", "::", "localhost"]],
  ["0:0::0:1", ["::1"]],
  ["0.0.0.0", ["127.0.0.1", "0.0.0.0", "::"]],
  ["::", ["::1", "127.0.0.1", "::"]],
  ["::ffff:0.0.0.0", ["127.0.0.1"]],
  ["localhost", ["127.0.0.1", "::1", "::", "0.0.0.0"]],
  ["LOCALHOST.", ["127.0.0.1"]],
  ["a.localhost", ["127.0.0.1"]],
  ["10.0.0.5", ["::", "0.0.0.0", "10.0.0.5"]],
  ["::ffff:10.0.0.5", ["::", "10.0.0.5"]],
  ["2001:DB8::5", ["::", "2001:db8:0::5"]],
  ["fe80::1%eth0", ["::", "fe80::1", "fe80::1%eth0"]],
  ["fe80::1%2", ["::"]],
  ["in.test", ["in.test"]],
  ["/run/a", ["/run/a", "/run/link"]],
  ["/gone", ["/gone"]],
  ["\0name", ["\0name"]],
])("%j comes to %j", (target, listeners) => {
  for (const listener of listeners) {
    expect([listener, reaches(at(target), at(listener), machine)]).toEqual([listener, true]);
    // A path has no port.
    if (at(target).kind === "tcp")
      expect(reaches(at(target, 8), at(listener), machine)).toBe(false);
  }
});

test.each([
  ["127.0.0.1", ["127.0.0.2", "::1", "10.0.0.5", "/run/a"]],
  ["::1", ["127.0.0.1", "0.0.0.0"]],
  ["10.0.0.6", ["::", "0.0.0.0", "10.0.0.5"]],
  ["2001:db8::5", ["0.0.0.0"]],
  ["fe80::1%eth1", ["::", "fe80::1%eth0"]],
  ["a.test", ["::", "0.0.0.0", "b.test"]],
  ["/run/b", ["/run/a", "/run/link", "/gone", "\0/run/b"]],
  ["/gone", ["/away"]],
])("%j does not come to %j", (target, listeners) => {
  for (const listener of listeners) {
    expect([listener, reaches(at(target), at(listener), machine)]).toEqual([listener, false]);
  }
});

test("a host has one plain form", () => {
  expect(plainHost("::FFFF:0A00:5")).toBe("10.0.0.5");
  expect(plainHost("FE80:0::1%Eth0")).toBe("fe80::1%eth0");
  expect(plainHost("A.Test")).toBe("a.test");
});
