import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../clients/programs.ts";
import { waitFor } from "../fixtures/wait.ts";
import { blockNamed, blocksOf } from "./pages.ts";
import { Stage } from "./stage.ts";

/*
 * The guides of docs/ with the real programs. The words after a language say what a block is: `guide` a
 * file, or commands, whose output is the `text guide` after them; with `server` a program that goes on and
 * accepts on a port, with `background` one that goes on once it has said something, with `retry` commands to repeat until they say so.
 */

setDefaultTimeout(60_000);

const REDIS = findProgram("redis-server");
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
const PING = "redis-cli -p 6380 ping";

const guides = ["docs/valkey.md", "docs/valkey-mode.md", "docs/limit-clients.md"];

const canGuide =
  REDIS !== null && findProgram("redis-cli") !== null && findProgram("curl") !== null;

test.if(canGuide).each(guides)("%s, step by step", async (page) => {
  await using stage = await Stage.open([6380, 7001, 7002, 9600]);
  const blocks = (await blocksOf(page)).filter(({ words }) => words.has("guide"));
  for (const [at, { language, words, file, text }] of blocks.entries()) {
    const next = blocks[at + 1];
    const expected = next?.language === "text" ? stage.here(next.text) : null;
    if (file !== null) await stage.write(file, text);
    else if (words.has("server")) await stage.start(text, portOf(words));
    else if (words.has("background")) await stage.startTalking(text);
    else if (words.has("retry")) {
      await waitFor(async () => (await stage.run(text).catch(() => "")) === expected, text);
    } else if (language === "sh") expect(await stage.run(text)).toBe(expected ?? "");
  }
  expect(blocks.length).toBeGreaterThan(6);
});

function portOf(words: ReadonlySet<string>): number {
  const [word = ""] = [...words].filter((one) => one.startsWith("port="));
  return Number(word.slice(5));
}

const others = [
  ["haproxy", "docs/from-haproxy.md", "haproxy.cfg", "haproxy -db -f haproxy.cfg"],
  ["nginx", "docs/from-nginx.md", "nginx.conf", "nginx -p . -e stderr -c nginx.conf"],
] as const;

for (const [name, page, file, command] of others) {
  describe(`${name} and ringway do the same with the configurations of ${page}`, () => {
    const programs = [
      [name, file, command],
      ["ringway", "ringway.toml", "ringway -c ringway.toml --stats none"],
    ] as const;
    const isThere = REDIS !== null && Bun.which(name, { PATH }) !== null;
    test.if(isThere).each([...programs])("%s", async (_, configuration, start) => {
      await using stage = await Stage.open([6380, 7001, 7002, 7003]);
      await stage.write(configuration, (await blockNamed(page, configuration)).text);
      await stage.start("redis-server --port 7002 --save ''", 7002);
      await stage.start("redis-server --port 7003 --save ''", 7003);
      await stage.start(start, 6380);
      // The first upstream is down: clients get the second one, and the spare only without that.
      const who = "redis-cli -p 6380 --raw config get port | tail -n 1";
      await waitFor(async () => (await answer(stage, who)) === `${stage.port(7002)}`, "the second");
      expect(await answer(stage, PING)).toBe("PONG");
      await answer(stage, "redis-cli -p 7002 shutdown nosave");
      await waitFor(async () => (await answer(stage, who)) === `${stage.port(7003)}`, "the spare");
    });
  });
}

/** What a command prints; empty when it fails. */
async function answer(stage: Stage, command: string): Promise<string> {
  return (await stage.run(command).catch(() => "")).trim();
}

const POSTGRES = [...new Bun.Glob("/usr/lib/postgresql/*/bin/initdb").scanSync("/")].sort().at(-1);
const canPostgres = POSTGRES !== undefined && process.platform === "linux";

test.if(canPostgres)(
  "docs/postgres.md: clients follow Patroni's word, with real servers",
  async () => {
    await using stage = await Stage.open([5000, 5001, 5432, 8008]);
    let primary = "127.0.0.5";
    const patroni = ["127.0.0.5", "127.0.0.6", "127.0.0.7"].map((hostname) =>
      Bun.serve({
        hostname,
        port: stage.port(8008),
        fetch: ({ url }) =>
          new Response(null, {
            status: url.includes("/primary") === (hostname === primary) ? 200 : 503,
          }),
      }),
    );
    try {
      for (const host of ["127.0.0.5", "127.0.0.6"]) await startPostgres(stage, host);
      await stage.write(
        "ringway.toml",
        (await blockNamed("docs/postgres.md", "ringway.toml")).text,
      );
      await stage.start("ringway -c ringway.toml --stats none", 5000);
      const ask = (port: number) =>
        answer(
          stage,
          `psql -h 127.0.0.1 -p ${port} -U app -d postgres -Atc 'select inet_server_addr()'`,
        );
      await waitFor(async () => (await ask(5000)) === "127.0.0.5", "the primary answers");
      await waitFor(async () => (await ask(5001)) === "127.0.0.6", "a replica answers");
      primary = "127.0.0.6";
      await waitFor(async () => (await ask(5000)) === "127.0.0.6", "the new primary answers");
    } finally {
      for (const server of patroni) await server.stop(true);
    }
  },
);

/** A Postgres at an address of this machine, as nobody where the test runs as root. */
async function startPostgres(stage: Stage, host: string): Promise<void> {
  const bin = join(POSTGRES ?? "", "..");
  const data = join(stage.folder, host);
  await mkdir(data, { mode: 0o700 });
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(data, 65_534, 65_534);
  const before = isRoot ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : "";
  await stage.run(`cd / && ${before}${bin}/initdb -D ${data} -U app -A trust --no-sync >/dev/null`);
  const more = `-k '' -h ${host} -p 5432 -c fsync=off`;
  await stage.start(`${before}${bin}/postgres -D ${data} ${more}`, 5432, host);
}
