import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { ROOT, settingsFiles } from "../../packaging/settings.ts";
import { knownKeys } from "../../src/config/schema.ts";

interface Piece {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Piece>>;
  readonly additionalProperties?: boolean;
  readonly items?: Piece;
  readonly required?: readonly string[];
}

const SCHEMA_PATH = resolve(ROOT, "packaging/ringway.schema.json");

test.each([...settingsFiles])(
  "%s is that of the table: `npm run settings` writes it anew",
  async (path, render) => {
    expect(await Bun.file(resolve(ROOT, path)).text()).toBe(render());
  },
);

test("it has every key with a description, and no others", async () => {
  const top = (await Bun.file(SCHEMA_PATH).json()) as Piece;
  const listener = top.properties?.listeners?.items;
  const tables: [Piece | undefined, readonly string[]][] = [
    [top, ["$schema", ...knownKeys.top]],
    [listener, knownKeys.listener],
    [top.properties?.uring, knownKeys.uring],
  ];
  for (const [table, keys] of tables) {
    expect(Object.keys(table?.properties ?? {}).sort()).toEqual([...keys].sort());
    expect(table?.additionalProperties).toBe(false);
    for (const [key, piece] of Object.entries(table?.properties ?? {})) {
      if (key !== "$schema") expect(piece.description).toEndWith(".");
    }
  }
  expect(top.required).toEqual([]);
  expect(listener?.required).toEqual(["listen"]);
});

test("it refers to nothing outside of itself", async () => {
  const text = await Bun.file(SCHEMA_PATH).text();
  expect(text).not.toMatch(/\$ref|\$defs|definitions/);
});
