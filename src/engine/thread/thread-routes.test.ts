import { afterEach, expect, jest, test } from "bun:test";
import { listenerDefaults } from "../../config/defaults.ts";
import { plainUpstream } from "../../config/listeners.ts";
import type { ListenerOptions } from "../../config/options.ts";
import type { Connection, Route } from "../../entry/route/connection.ts";
import { UpstreamTable } from "../../upstream/table.ts";
import { ThreadRoutes } from "./thread-routes.ts";

afterEach(() => {
  jest.useRealTimers();
});

function options(hook: Route | null): ListenerOptions {
  return {
    ...listenerDefaults,
    address: { kind: "tcp", host: "127.0.0.1", port: 0 },
    upstreams: [plainUpstream({ kind: "tcp", host: "db", port: 5432 })],
    route: hook === null ? null : { hook, timeoutMs: 100, failure: "refuse" },
  };
}

const table = new UpstreamTable(1);
table.reset(0, 1);
table.enter(0, 0);

/** By what the thread asks. */
function numberIn({ route }: ListenerOptions): number {
  if (typeof route?.hook !== "number") throw new Error("there is no number");
  return route.hook;
}

const caller = {
  client: "10.0.0.9:1",
  local: null,
  header: null,
  hello: null,
  tls: null,
  route: null,
};
const soon = () => Date.now() + 60_000;

test("options without a function stay as they are, others can be cloned", () => {
  const routes = new ThreadRoutes(table);
  const plain = options(null);
  expect(routes.keep(0, "a", plain)).toBe(plain);
  const kept = routes.keep(
    1,
    "a",
    options(() => null),
  );
  expect(structuredClone(kept).route).toMatchObject({ timeoutMs: 100, failure: "refuse" });
});

test("a function is told what its listener has and who has come", async () => {
  const routes = new ThreadRoutes(table);
  const told: Connection[] = [];
  const hook: Route = (connection) => {
    told.push(connection);
    return { upstream: connection.upstreams[0] };
  };
  const number = numberIn(routes.keep(0, "redis", options(hook)));
  expect(await routes.answer(number, caller, soon())).toMatchObject({ upstream: 0 });
  const states = [{ upstream: "db:5432", isOpen: true, running: 1, maxRelays: 0 }];
  expect(told).toEqual([{ listener: "redis", upstreams: ["db:5432"], states, ...caller }]);
});

test("a client of a route chooses among its upstreams", async () => {
  const routes = new ThreadRoutes(table);
  const hook: Route = ({ upstreams }) => ({ label: upstreams.join(" ") });
  const some = plainUpstream({ kind: "tcp", host: "web", port: 443 } as const);
  const plain = options(hook);
  const route = { names: ["a.test"], alpn: [], isPlain: false, isRefused: false };
  const number = numberIn(
    routes.keep(0, "redis", {
      ...plain,
      upstreams: [...plain.upstreams, some],
      routes: [{ ...route, label: "a", upstreams: ["web:443"] }],
    }),
  );
  const labelFor = async (route: string | null) => {
    return await routes.answer(number, { ...caller, route }, soon());
  };
  expect(await labelFor("a")).toMatchObject({ label: "web:443" });
  expect(await labelFor(null)).toMatchObject({ label: "db:5432 web:443" });
});

test("who does not wait any more costs nothing", async () => {
  const routes = new ThreadRoutes(table);
  const hook = jest.fn(() => null);
  const number = numberIn(routes.keep(0, "redis", options(hook)));
  expect(await routes.answer(number, caller, Date.now())).toBeNull();
  expect(hook).not.toHaveBeenCalled();
});

test("a function answers for those who came in its time, and then it is gone", async () => {
  jest.useFakeTimers();
  const routes = new ThreadRoutes(table);
  const first = numberIn(
    routes.keep(
      0,
      "a",
      options(() => ({ label: "first" })),
    ),
  );
  const second = numberIn(
    routes.keep(
      0,
      "a",
      options(() => ({ label: "second" })),
    ),
  );
  const soon = Date.now() + 1e9;
  expect(await routes.answer(first, caller, soon)).toMatchObject({ label: "first" });
  expect(await routes.answer(second, caller, soon)).toMatchObject({ label: "second" });
  jest.advanceTimersByTime(3_600_000);
  expect(await routes.answer(first, caller, soon)).toEqual({ failure: "its function is gone" });
  expect(await routes.answer(second, caller, soon)).toMatchObject({ label: "second" });
  routes.retire(0);
  routes.retire(0);
  jest.advanceTimersByTime(3_600_000);
  expect(await routes.answer(second, caller, soon)).toEqual({ failure: "its function is gone" });
});
