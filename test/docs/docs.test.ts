import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderArchitecture } from "../../bench/pictures/architecture.ts";
import { generatedTables, withTables } from "../../packaging/reference.ts";
import * as errors from "../../src/kinds/valkey/errors.ts";
import { accessFields } from "../../src/observe/access-log/line.ts";
import { findProgram, runProgram } from "../clients/programs.ts";
import { MAIN, runCli } from "../fixtures/cli-process.ts";
import { problemsOf, ringwayLines } from "./commands.ts";
import { deadLinks } from "./links.ts";
import { type Block, blocksOf, pages, ROOT, readPage } from "./pages.ts";

/*
 * README.md and docs/ hold what they say. The words after the language of a fenced block say what is
 * tested of it:
 *
 *   toml check, yaml check, json check   a whole configuration: `ringway check` accepts it, without a warning
 *   toml fails                           `ringway check` refuses it, with the text of the next block
 *   haproxy check, nginx check, logrotate check   the program itself accepts it
 *   ts                                   its types are right; with `check` it is a configuration, too
 *   sh                                   flags and values of every ringway that it starts are right
 *   sh run                               it is run as it is printed
 *   file=NAME                            it lies beside the other blocks of its page under this name
 *
 * Other blocks (`text`, `console`, `ini`, …) show something and are not tested.
 */

setDefaultTimeout(60_000);

const CONFIGURATIONS = ["toml", "yaml", "json", "ts"];
/** What blocks may be in: a block without one of these may have lost its test by a typing error. */
const LANGUAGES = [...CONFIGURATIONS, "sh", "haproxy", "nginx", "logrotate", "text", "promql"];

const blocks = new Map<string, Block[]>();
for (const page of pages) blocks.set(page, await blocksOf(page));
const all = [...blocks.values()].flat();

let folder = "";
/** Where the files of a page lie. */
const folderOf = (page: string) => join(folder, page.replaceAll("/", "-"));
const pageOf = ({ place }: Block) => place.replace(/:\d+$/, "");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-docs-"));
  for (const block of all) {
    if (block.file !== null) await Bun.write(join(folderOf(pageOf(block)), block.file), block.text);
  }
  const shim = join(folder, "bin/ringway");
  await Bun.write(shim, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  await chmod(shim, 0o755);
});

afterAll(() => rm(folder, { recursive: true }));

const named = (list: readonly Block[]) => list.map((block) => [block.place, block] as const);

describe("generated tables are those of the code: `npm run docs` writes them anew", () => {
  const generated = [...new Set(generatedTables.map(({ page }) => page))];
  test.each(generated)("%s", async (page) => {
    const text = await readPage(page);
    expect(text).toBe(withTables(page, text));
  });
});

test("the line of the access log that docs/observe.md shows has all fields, in their order", () => {
  const shown = blocks.get("docs/observe.md")?.find(({ file }) => file === "access.log");
  expect(Object.keys(JSON.parse(shown?.text ?? "{}"))).toEqual(Object.keys(accessFields));
});

test("docs/valkey-mode.md has every error that ringway answers itself", async () => {
  const page = await readPage("docs/valkey-mode.md");
  for (const error of Object.values(errors)) {
    // The one that names a command does so in lower case.
    const text = typeof error === "string" ? error : error("NAME").replace("name", "NAME");
    expect(page).toContain(`\`${text.replace("(NAME)", "(REASON)")}\``);
  }
});

test("the picture of the architecture is the one that `npm run pictures` draws", async () => {
  expect(await readPage("docs/architecture.svg")).toBe(renderArchitecture());
});

describe("links lead somewhere", () => {
  // A pattern in braces with a slash in it finds nothing.
  const everywhere = ["*.md", "docs/*.md", "bench/*.md", "packaging/*.md", "src/**/*.md"].flatMap(
    (pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)],
  );
  test.each(everywhere)("%s", async (page) => {
    expect(await deadLinks(page)).toEqual([]);
  });

  test("and every page can be reached from the README", async () => {
    const readme = await readPage("README.md");
    for (const page of pages.slice(1)) expect(readme).toContain(`](${page})`);
  });
});

describe("pages can be read in a terminal", () => {
  test.each([...pages])("%s", async (page) => {
    const wide = (await readPage(page))
      .split("\n")
      .filter((line) => line.length > 100 && !line.startsWith("|") && !line.startsWith("!["));
    expect(wide).toEqual([]);
  });

  test("the README fits 150 lines", async () => {
    expect((await readPage("README.md")).trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });
});

describe("every page has an example that is tested, and every block a known language", () => {
  test.each([...pages])("%s", (page) => {
    const own = blocks.get(page) ?? [];
    for (const { place, language } of own)
      expect([place, LANGUAGES]).toEqual([place, expect.arrayContaining([language])]);
    // What is not in docs/ may do without.
    if (page.startsWith("docs/")) expect(own.filter(isTested)).not.toBeEmpty();
  });
});

function isTested({ language, words, text }: Block): boolean {
  if (language === "ts" || words.has("check") || words.has("run")) return true;
  return language === "sh" && ringwayLines(text).length > 0;
}

describe("configurations are right", () => {
  const checked = all.filter(
    ({ language, words }) => CONFIGURATIONS.includes(language) && words.has("check"),
  );
  test.each(named(checked))("%s", async (place, block) => {
    const { language, text, file } = block;
    const path = join(
      folderOf(pageOf(block)),
      file ?? `line${place.replace(/.*:/, "")}.${language}`,
    );
    await Bun.write(path, text);
    const { code, err } = await runCli("check", path);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });
});

describe("configurations are as wrong as the page says", () => {
  const wrong = all.filter(({ words }) => words.has("fails"));
  test.each(named(wrong))("%s", async (_, block) => {
    const said = all[all.indexOf(block) + 1]?.text ?? "";
    const file = block.file ?? "";
    const check = [process.execPath, MAIN, "check", file];
    const { code, err } = await runProgram(check, folderOf(pageOf(block)));
    expect({ code, err }).toEqual({ code: 2, err: said });
  });
});

describe("commands have flags that there are", () => {
  const shell = all.filter(({ language }) => language === "sh");
  test.each(named(shell))("%s", async (_, { text }) => {
    for (const args of ringwayLines(text))
      expect([args, await problemsOf(args)]).toEqual([args, []]);
  });
});

describe("commands do what they say", () => {
  const hasJq = findProgram("jq") !== null;
  const run = all.filter(
    ({ language, words, text }) =>
      language === "sh" && words.has("run") && (hasJq || !/^jq /m.test(text)),
  );
  test.each(named(run))("%s", async (_, block) => {
    const own = folderOf(pageOf(block));
    await Bun.write(join(own, ".keep"), "");
    const path = `${join(folder, "bin")}:${process.env.PATH}`;
    const command = ["env", `PATH=${path}`, "bash", "-euo", "pipefail", "-c", block.text];
    const { code, err } = await runProgram(command, own);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  });
});

test("programs have the right types", async () => {
  const own = join(folder, "types");
  const programs = all.filter(({ language }) => language === "ts");
  for (const { place, text } of programs) {
    await Bun.write(join(own, `${place.replaceAll(/[^\w]+/g, "-")}.ts`), text);
  }
  const compilerOptions = {
    noEmit: true,
    paths: { ringway: [join(ROOT, "src/index.ts")] },
    types: [join(ROOT, "node_modules/bun-types")],
  };
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions,
    include: ["*.ts"],
    exclude: [],
  };
  await Bun.write(join(own, "tsconfig.json"), JSON.stringify(config));
  const tsc = [process.execPath, join(ROOT, "node_modules/@typescript/native/bin/tsc"), "-p", own];
  const { code, out } = await runProgram(tsc, own);
  expect({ code, out }).toEqual({ code: 0, out: "" });
});

describe("other programs accept their configurations", () => {
  const CHECKS: Readonly<Record<string, (path: string) => string[]>> = {
    haproxy: (path) => ["haproxy", "-c", "-f", path],
    nginx: (path) => ["nginx", "-t", "-c", path],
    logrotate: (path) => ["logrotate", "--debug", path],
  };
  const foreign = all.filter(({ language, words }) => language in CHECKS && words.has("check"));
  for (const block of foreign) {
    const { place, language, text } = block;
    // A configuration may name files that this machine has elsewhere.
    const needed = [...text.matchAll(/^load_module (.*);$/gm)].map(([, path = ""]) => path);
    const canCheck = Bun.which(language) !== null && needed.every((path) => existsSync(path));
    test.if(canCheck)(place, async () => {
      const path = join(folder, `${place.replaceAll(/[^\w]+/g, "-")}.${language}`);
      await Bun.write(path, text);
      const { code, err } = await runProgram(CHECKS[language]?.(path) ?? [], folder);
      expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    });
  }
});
