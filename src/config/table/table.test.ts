import { describe, expect, test } from "bun:test";
import { secretKeys } from "../../base/secret-keys.ts";
import { NOT_SHOWN } from "./kind.ts";
import type { Setting } from "./setting.ts";
import { listenerTable, proxyTable, settingGroups, upstreamTable, uringTable } from "./table.ts";

const all: readonly (readonly [string, Setting])[] = [
  listenerTable,
  proxyTable,
  upstreamTable,
  uringTable,
].flatMap((table) => Object.entries(table as Readonly<Record<string, Setting>>));

describe("each entry of the table", () => {
  test.each(all)("%s is one sentence, and a default that its own rule takes", (_, setting) => {
    const { about, more, initial, fallback, is } = setting;
    expect(about).toMatch(/^[A-Z].*[^.]\.$/);
    if (more !== undefined) expect(more).toEndWith(".");
    if (initial !== undefined) expect(is.rule(initial)).toEqual(fallback);
  });
});

test("every setting is in one group of the help", () => {
  const grouped = Object.values(settingGroups).flatMap(({ settings }) => Object.keys(settings));
  const tables = [listenerTable, proxyTable, uringTable].flatMap((table) => Object.keys(table));
  expect(grouped.toSorted()).toEqual(tables.toSorted());
});

test("what must not be repeated is told by no setting", () => {
  const settings = new Map<string, Setting>(all);
  for (const key of secretKeys) expect(settings.get(key)?.is.show("a secret")).toBe(NOT_SHOWN);
});

/** Settings of which functions make something else: `setting-changes.ts` reads them by hand. */
const odd = [
  "check",
  "checkSend",
  "checkExpect",
  "checkTls",
  "checkTlsCert",
  "checkTlsKey",
  "tlsCert",
  "tlsKey",
  "accessLog",
  "admin",
  "adminToken",
  "adminReadToken",
  "user",
  "group",
  // Of one upstream.
  "checkAddress",
  "sendProxyProtocol",
  "onDown",
];

test("every other setting has its place among the finished options, where a plan finds it", () => {
  expect(all.filter(([key, { at }]) => at === "" && !odd.includes(key))).toEqual([]);
});
