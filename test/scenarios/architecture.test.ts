import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

// The pages for who changes ringway stay short, and name what is there.

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
const sources = new Set(files.filter((path) => path.endsWith(".ts")).map((path) => basename(path)));
const lifecycles = files
  .filter((path) => basename(path) === "LIFECYCLE.md")
  .map((path) => join("src", path));
const pages = ["ARCHITECTURE.md", ...lifecycles];

test.each(pages)("%s is short, and every file that it names is there", (path) => {
  const text = read(path);
  expect(text.split("\n").length - 1).toBeLessThanOrEqual(path === "ARCHITECTURE.md" ? 200 : 80);
  const named = Array.from(text.matchAll(/`(?:[\w-]+\/)*([\w-]+\.ts)`/g), ([, name = ""]) => name);
  expect(named.filter((name) => !sources.has(name))).toEqual([]);
  const links = Array.from(text.matchAll(/\]\(([^)#:]+)/g), ([, link = ""]) => link);
  const dead = links.filter((link) => !existsSync(join(root, dirname(path), link)));
  expect(dead).toEqual([]);
});

test("ARCHITECTURE.md has every room, and leads to every page of one", () => {
  const text = read("ARCHITECTURE.md");
  const rooms = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(rooms.filter((name) => !text.includes(`\`${name}/\``))).toEqual([]);
  const named = Array.from(text.matchAll(/^\| (.*?) \|/gm), ([, cell = ""]) => cell)
    .filter((cell) => /^`\w+\/`/.test(cell))
    .flatMap((cell) => Array.from(cell.matchAll(/`(\w+)\/`/g), ([, name = ""]) => name));
  expect(named.filter((name) => !rooms.includes(name))).toEqual([]);
  const far = lifecycles.filter((path) => !pages.some((page) => leadsTo(page, path)));
  expect(far).toEqual([]);
});

/** Whether one page has a link to another. */
function leadsTo(page: string, path: string): boolean {
  const links = Array.from(read(page).matchAll(/\]\(([^)#:]+)/g), ([, link = ""]) => link);
  return links.some((link) => join(dirname(page), link) === path);
}
