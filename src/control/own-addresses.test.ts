import { afterEach, expect, mock, spyOn, test } from "bun:test";
import os from "node:os";
import { OwnAddresses } from "./own-addresses.ts";

const at = (host: string, port = 7) => ({ kind: "tcp" as const, host, port });

const interfaces = () => Object.values(os.networkInterfaces()).flatMap((found) => found ?? []);

afterEach(() => mock.restore());

test("an interface of this machine leads to a listener on all addresses", async () => {
  const [first] = interfaces();
  if (first === undefined) throw new Error("there is an interface");
  const own = await OwnAddresses.of([at("::")]);
  expect(own.has(at(first.address))).toBe(true);
  expect(own.has(at(first.address, 8))).toBe(false);
  expect(own.has(at("192.0.2.1"))).toBe(false);
});

test("where the system does not tell its interfaces, loopback is known still", async () => {
  const outside = interfaces().filter(({ internal }) => !internal);
  spyOn(os, "networkInterfaces").mockImplementation(() => {
    throw new Error("getifaddrs");
  });
  const own = await OwnAddresses.of([at("0.0.0.0")]);
  expect(own.has(at("127.0.0.1"))).toBe(true);
  for (const { address } of outside) expect(own.has(at(address))).toBe(false);
  expect(own.has(at("192.0.2.1"))).toBe(false);
});
