import { expect, test } from "bun:test";
import type { Table } from "../config/table/setting.ts";
import { proxyTable } from "../config/table/table.ts";
import { proxyOptions, validate } from "../config/validate.ts";
import { type Part, type Parts, reloaded, stageAll } from "./stage.ts";
import { nextOf } from "./test-next.ts";

/** Parts that note what becomes of them; those of these names fail at these steps. */
function parts(names: string, ...failing: string[]) {
  const told: string[] = [];
  const note = (what: string) => {
    told.push(what);
    if (failing.includes(what)) throw new Error(what);
  };
  const made = Array.from(
    names,
    (name): Part => ({
      async stage() {
        note(`stage ${name}`);
        return {
          commit: () => note(`commit ${name}`),
          discard: async () => note(`discard ${name}`),
        };
      },
    }),
  );
  return { told, made };
}

const next = () => nextOf([]);

test("what was prepared last holds first", async () => {
  const { told, made } = parts("abc");
  const stage = await stageAll(made, next());
  expect(told).toEqual(["stage a", "stage b", "stage c"]);
  await stage.commit();
  expect(told.slice(3)).toEqual(["commit c", "commit b", "commit a"]);
});

test("a part that cannot has those before it taken back, the last first", async () => {
  const { told, made } = parts("abc", "stage c");
  await expect(stageAll(made, next())).rejects.toThrow(new Error("stage c"));
  expect(told.slice(3)).toEqual(["discard b", "discard a"]);
});

test("when nothing is to be done any more all is taken back", async () => {
  const { told, made } = parts("ab");
  const over = () => {
    if (told.length > 1) throw new Error("over");
  };
  await expect(stageAll(made, next(), over)).rejects.toThrow("over");
  expect(told).toEqual(["stage a", "stage b", "discard b", "discard a"]);
});

test("no part is skipped, whatever those before it throw", async () => {
  const committed = parts("abc", "commit c", "commit b");
  const stage = await stageAll(committed.made, next());
  await expect(Promise.resolve(stage.commit())).rejects.toThrow(AggregateError);
  expect(committed.told.at(-1)).toBe("commit a");
  const discarded = parts("abc", "stage c", "discard b");
  const failure = await stageAll(discarded.made, next()).catch((error) => error);
  expect(failure.errors).toEqual([new Error("stage c"), new Error("discard b")]);
  expect(discarded.told.at(-1)).toBe("discard a");
});

test("a part that is left out is a type error", () => {
  const [part] = parts("a").made as [Part];
  const base = { settings: part, sources: part, edges: part, own: part, services: part };
  const all = { engines: part, certificates: part, ...base };
  // @ts-expect-error: nobody takes upstreams
  const forgotten: Parts = { ...all, listening: part };
  const complete: Parts = { ...all, upstreams: part, listening: part };
  expect(Object.keys(complete)).not.toEqual(Object.keys(forgotten));
});

test("what only a restart changes stays as it was", () => {
  const { wanted: running } = nextOf([], 1);
  const wanted = { ...running, totalRelays: 2, drainDelayMs: 3, workers: 4, dnsServers: ["x"] };
  const kept = { ...running, totalRelays: 2, drainDelayMs: 3 };
  expect(reloaded(wanted as never, running)).toEqual(kept);
});

test("settings say that they need a restart where no part takes them, and only there", () => {
  const base = proxyOptions(validate({}), []);
  for (const [name, { at, needsRestart = false }] of Object.entries(proxyTable as Table)) {
    const [option = ""] = at.split(".");
    // What is none of the proxy's own (the access log, the user) no reload reaches.
    if (!(option in base)) continue;
    const [running, wanted] = ["before", "after"].map((value) => ({ ...base, [option]: value }));
    const now = reloaded(wanted as never, running as never) as unknown as Record<string, string>;
    expect([name, now[option]]).toEqual([name, needsRestart ? "before" : "after"]);
  }
});
