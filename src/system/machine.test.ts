import { afterEach, expect, mock, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import * as libc from "./libc.ts";
import { ThisMachine } from "./machine.ts";

afterEach(() => mock.restore());

test("all interfaces' addresses are known, those that Bun tells of included", () => {
  const { hosts } = new ThisMachine();
  const all = Object.values(os.networkInterfaces()).flatMap((found) => found ?? []);
  expect(all.length).toBeGreaterThan(0);
  for (const { address } of all) expect(hosts.has(address)).toBe(true);
  expect(hosts.has("192.0.2.1")).toBe(false);
});

test("they are looked at again after a second", () => {
  let now = 0;
  const found = spyOn(libc, "interfaceAddresses").mockReturnValue([]);
  const machine = new ThisMachine(() => now);
  expect(machine.hosts.size).toBe(0);
  found.mockReturnValue([{ host: "fe80::1", zones: ["eth0", "2"] }]);
  now = 999;
  expect(machine.hosts.size).toBe(0);
  now = 1_000;
  expect([...machine.hosts]).toEqual(["fe80::1", "fe80::1%eth0", "fe80::1%2"]);
});

test("where the system does not tell its interfaces there are none", () => {
  spyOn(libc, "interfaceAddresses").mockReturnValue(null);
  const interfaces = spyOn(os, "networkInterfaces").mockImplementation(() => {
    throw new Error("getifaddrs");
  });
  expect(new ThisMachine().hosts.size).toBe(0);
  interfaces.mockReturnValue({
    lo: [
      { address: "127.0.0.1", netmask: "", family: "IPv4", mac: "", internal: true, cidr: null },
    ],
  });
  expect([...new ThisMachine().hosts]).toEqual(["127.0.0.1"]);
});

test("a file is the same whatever link leads there", () => {
  const folder = mkdtempSync(join(os.tmpdir(), "ringway-machine-"));
  const [file, link] = [join(folder, "file"), join(folder, "link")];
  writeFileSync(file, "");
  symlinkSync(file, link);
  const machine = new ThisMachine();
  expect(machine.socketAt(file)).not.toBeNull();
  expect(machine.socketAt(link)).toBe(machine.socketAt(file));
  expect(machine.socketAt(join(folder, "none"))).toBeNull();
  expect(machine.socketAt("\0name")).toBeNull();
  rmSync(folder, { recursive: true });
});
