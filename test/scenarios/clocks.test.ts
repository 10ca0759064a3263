import { expect, test } from "bun:test";
import { join } from "node:path";

const SOURCE = join(import.meta.dir, "../../src");
/** The rooms whose time is handed in, whatever they will be called. */
const ROOMS = "{base,control,edge,engine,entry,flow,kinds,memory,relay,system,transport,upstream}";
/** What only a clock may ask or set. */
const TIME =
  /\b(Date\.now\(|performance\.now\b|(?<!\.|private )setTimeout\(|(?<!\.)setInterval\(|Bun\.sleep\(|AbortSignal\.timeout\()/;
/** The clock itself, and what still has a time of its own: programs' edges, each of them a path's end. */
const OTHERS = [
  // The clock.
  "base/clock.ts",
  // A page in a browser.
  "admin/page/",
  // HTTP: requests and connections of it last as long as node's server says.
  "admin/admin.ts",
  "admin/api.ts",
  "admin/door.ts",
  "admin/http.ts",
  "admin/past.ts",
  "admin/relay-list.ts",
  "admin/state.ts",
  "admin/wrong-tokens.ts",
  // The RESP server that a start without upstream has.
  "upstream/embedded/",
  // DNS: the time of a question.
  "names/by-servers.ts",
  "names/dns-client.ts",
  "names/resolver.ts",
  "names/service.ts",
];

/** Lines that are no comment, and whether they ask for time. */
function asksForTime(text: string): boolean {
  return text.split("\n").some((line) => !/^\s*(\*|\/[*/])/.test(line) && TIME.test(line));
}

test("all time is a clock's that was handed in", async () => {
  const asking: string[] = [];
  for await (const file of new Bun.Glob(`${ROOMS}/**/*.ts`).scan(SOURCE)) {
    if (/(\.test|\/test-[^/]*)\.ts$/.test(file)) continue;
    if (OTHERS.some((other) => `/${file}`.includes(`/${other}`))) continue;
    if (asksForTime(await Bun.file(join(SOURCE, file)).text())) asking.push(file);
  }
  expect(asking.sort()).toEqual([]);
});
