import { placeIn } from "./parser-failure.ts";

/** Kinds of text whose parsers do not say where they have stopped, as their loaders do. */
export type PlacedKind = "toml" | "yaml";

/** What is looked at now. */
let text = "";
let isProvided = false;

/**
 * Where a text stops being valid, for the end of a message. Bun's parsers do not say; importing the
 * same text fails at the same place, and does. The text and not its file: what stands in its place by
 * now, or what a link leads to, may be a program, which would run.
 */
export async function placeInText(kind: PlacedKind, of: string): Promise<string> {
  provide();
  text = of;
  const name = moduleOf(kind);
  try {
    await import(name);
  } catch (error) {
    return placeIn(error);
  }
  // One that could be imported would be remembered.
  delete require.cache[name];
  return "";
}

function provide(): void {
  if (isProvided) return;
  isProvided = true;
  Bun.plugin({
    name: "ringway text",
    setup: (build) => {
      for (const loader of ["toml", "yaml"] as const) {
        build.module(moduleOf(loader), () => ({ contents: text, loader }));
      }
    },
  });
}

function moduleOf(kind: PlacedKind): string {
  return `ringway-text:${kind}`;
}
