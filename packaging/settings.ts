import { resolve } from "node:path";
import { renderConfigTypes } from "./config-types.ts";
import { renderJsonSchema } from "./json-schema.ts";
import { renderSettingsPage } from "./settings-page.ts";

// `npm run settings` generates these files from the table of settings, src/config/table.

/** The content of each file, by its path. */
export const settingsFiles: ReadonlyMap<string, () => string> = new Map([
  ["src/config/config-types.ts", renderConfigTypes],
  ["packaging/ringway.schema.json", renderJsonSchema],
  ["docs/settings.md", renderSettingsPage],
]);

/** The root of the project. */
export const ROOT = resolve(import.meta.dir, "..");

if (import.meta.main) {
  for (const [path, render] of settingsFiles) await Bun.write(resolve(ROOT, path), render());
}
