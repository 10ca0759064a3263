import { expect, test } from "bun:test";
import { validate } from "../config/validate.ts";
import { shortQueues } from "./short-queues.ts";

function listeners(backlog?: string) {
  const given = (value: unknown) => ({ value, label: "" });
  return validate({
    listen: given(["127.0.0.1:1", "127.0.0.1:2"]),
    upstream: given(["127.0.0.1:3"]),
    ...(backlog === undefined ? {} : { backlog: given(backlog) }),
  }).listeners;
}

test("a backlog that the kernel cuts is told of each listener, and the default never", () => {
  expect(shortQueues(listeners("8192"), () => "4096\n")).toEqual([
    "backlog 8,192 of listener 127.0.0.1:1: net.core.somaxconn is 4,096, and no more wait",
    "backlog 8,192 of listener 127.0.0.1:2: net.core.somaxconn is 4,096, and no more wait",
  ]);
  expect(shortQueues(listeners("128"), () => "128\n")).toEqual([]);
  expect(shortQueues(listeners(), () => "128\n")).toEqual([]);
  // Where the system does not say, nobody knows.
  expect(shortQueues(listeners("8192"), () => null)).toEqual([]);
});
