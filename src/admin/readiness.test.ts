import { afterEach, expect, test } from "bun:test";
import { listenerDefaults } from "../config/defaults.ts";
import type { AdminOptions } from "../config/options.ts";
import { type Acceptance, accepts } from "../engine/engine.ts";
import { Admin } from "./admin.ts";
import type { AdminContext } from "./context.ts";

const proxy = {
  isStopping: false,
  listeners: [{ isAccepting: true }],
  asked: 0,
  answer: accepts as Acceptance,
  engine: {
    acceptance: async () => {
      proxy.asked++;
      return proxy.answer;
    },
  },
};
const { admin, base } = await begin();

async function begin() {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const options: AdminOptions = {
    address,
    token: null,
    readToken: null,
    readyWhen: "accepting",
    unix: listenerDefaults.unix,
  };
  const admin = await Admin.start(options, { failed() {}, warned() {} });
  const base = admin.address.kind === "tcp" ? `http://127.0.0.1:${admin.address.port}` : "";
  return { admin, base };
}

/** What is told of a change may be a moment old. */
async function ready(): Promise<[number, string]> {
  await Bun.sleep(120);
  const response = await fetch(`${base}/readyz`);
  return [response.status, (await response.text()).trim()];
}

afterEach(() => {
  proxy.answer = accepts;
  proxy.listeners = [{ isAccepting: true }];
});

test("not before it has begun", async () => {
  expect(await ready()).toEqual([503, "starting"]);
  admin.begin({ proxy } as unknown as AdminContext);
  expect(await ready()).toEqual([200, "ready"]);
});

test("not when a worker does not answer, or none accepts, and it says why", async () => {
  proxy.answer = { state: "absent", why: "worker 2 does not answer" };
  expect(await ready()).toEqual([503, "not ready: worker 2 does not answer"]);
  proxy.answer = { state: "paused", why: "accepting is paused" };
  expect(await ready()).toEqual([503, "not ready: accepting is paused"]);
});

test("not when somebody has drained all listeners", async () => {
  proxy.listeners = [{ isAccepting: false }];
  expect(await ready()).toEqual([503, "not ready: no listener accepts"]);
});

test("however many ask, workers are asked now and then", async () => {
  await ready();
  const before = proxy.asked;
  await Bun.sleep(120);
  await Promise.all(Array.from({ length: 50 }, () => fetch(`${base}/readyz`)));
  expect(proxy.asked - before).toBeLessThan(25);
  await admin.stop();
});
