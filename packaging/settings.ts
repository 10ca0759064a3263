import { resolve } from "node:path";
import { renderConfigTypes } from "./config-types.ts";
import { renderJsonSchema } from "./json-schema.ts";
import { renderSettingsPage } from "./settings-page.ts";

// `npm run settings` writes these files anew from the table of settings, src/config/table.

/** What each of them has, by its path. */
export const settingsFiles: ReadonlyMap<string, () => string> = new Map([
  ["src/config/config-types.ts", renderConfigTypes],
  ["packaging/ringway.schema.json", renderJsonSchema],
  ["docs/settings.md", renderSettingsPage],
]);

/** Where the project is. */
export const ROOT = resolve(import.meta.dir, "..");

if (import.meta.main) {
  for (const [path, render] of settingsFiles) await Bun.write(resolve(ROOT, path), render());
}
