import { resolve } from "node:path";

/** The root of the project. */
export const ROOT = resolve(import.meta.dir, "../..");

/** The pages whose examples are tested, from the root. */
export const pages: readonly string[] = [
  "README.md",
  ...[...new Bun.Glob("docs/*.md").scanSync(ROOT)].sort(),
  "packaging/README.md",
  "SECURITY.md",
];

/** A fenced block of a page. */
export interface Block {
  /** Where it begins, as an editor knows it: `docs/start.md:12`. */
  readonly place: string;
  /** The first word after the fence. */
  readonly language: string;
  /** The words that follow it, such as `check`. */
  readonly words: ReadonlySet<string>;
  /** The file name that `file=` gives it; null for none. */
  readonly file: string | null;
  readonly text: string;
}

/** The text of a page. */
export async function readPage(page: string): Promise<string> {
  return await Bun.file(resolve(ROOT, page)).text();
}

/** All fenced blocks of a page, those in lists included. */
export async function blocksOf(page: string): Promise<Block[]> {
  const blocks: Block[] = [];
  const lines = (await readPage(page)).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const [, indent, info = ""] = /^( *)```(.*)$/.exec(lines[at] ?? "") ?? [];
    if (indent === undefined) continue;
    const end = lines.indexOf(`${indent}\`\`\``, at + 1);
    if (end < 0) throw new Error(`${page}:${at + 1}: the block has no end`);
    const [language = "", ...words] = info.trim().split(/ +/);
    const text = lines.slice(at + 1, end).map((line) => line.slice(indent.length));
    const file = words.find((word) => word.startsWith("file="))?.slice(5) ?? null;
    blocks.push({
      place: `${page}:${at + 1}`,
      language,
      words: new Set(words),
      file,
      text: `${text.join("\n")}\n`,
    });
    at = end;
  }
  return blocks;
}

/** The one block of a page that has this file name. @throws when there is none, or several */
export async function blockNamed(page: string, file: string): Promise<Block> {
  const found = (await blocksOf(page)).filter((block) => block.file === file);
  const [block] = found;
  if (block === undefined || found.length > 1) {
    throw new Error(`${page} has ${found.length} blocks with file=${file}`);
  }
  return block;
}
