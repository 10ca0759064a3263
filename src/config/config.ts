import type { Config } from "./config-types.ts";

export type * from "./config-types.ts";

/**
 * Returns the configuration unchanged. It gives a file its types, such as
 *
 *     import { defineConfig } from "ringway";
 *     export default defineConfig({ listen: ":6380", upstream: "10.0.0.5:6379" });
 */
export function defineConfig(config: Config): Config {
  return config;
}
