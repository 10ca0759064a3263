import { expect, test } from "bun:test";
import { programName } from "./program.ts";

test.each([
  [{}, "bun run proxy"],
  [{ npm_lifecycle_event: "proxy", npm_config_user_agent: "bun/1.4.5" }, "bun run proxy"],
  [
    { npm_lifecycle_event: "proxy", npm_config_user_agent: "npm/11.0.0 node/v24" },
    "npm run proxy --",
  ],
  // Whatever else npm runs may start the proxy by itself.
  [{ npm_lifecycle_event: "test", npm_config_user_agent: "npm/11.0.0" }, "bun run proxy"],
])("%j is told to type %s", (env, name) => {
  expect(programName(env)).toBe(name);
});
