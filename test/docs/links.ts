import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { ROOT } from "./pages.ts";

/** A link of a page that leads nowhere, in words. */
export async function deadLinks(page: string): Promise<string[]> {
  const text = withoutCode(await Bun.file(resolve(ROOT, page)).text());
  const targets = [
    ...text.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g),
    ...text.matchAll(/<(?:img|a)\b[^>]*\b(?:src|href)="([^"]+)"/g),
  ].map(([, target = ""]) => target);
  const dead: string[] = [];
  for (const target of targets) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? resolve(ROOT, page) : resolve(ROOT, dirname(page), path);
    if (relative(ROOT, file).startsWith("..") || !existsSync(file)) dead.push(`${page}: ${target}`);
    else if (anchor !== undefined && !(await anchorsOf(file)).has(anchor)) {
      dead.push(`${page}: ${target} (no such heading)`);
    }
  }
  return dead;
}

/** The anchors that GitHub makes of a page's headings. */
async function anchorsOf(file: string): Promise<Set<string>> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of (await Bun.file(file).text())
    .replaceAll(/^```[\s\S]*?^```/gm, "")
    .matchAll(/^#+ +(.*)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    let name = anchor;
    for (let count = 1; anchors.has(name); count++) name = `${anchor}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

function withoutCode(text: string): string {
  return text.replaceAll(/^( *)```[\s\S]*?^\1```/gm, "").replaceAll(/`[^`\n]*`/g, "");
}
