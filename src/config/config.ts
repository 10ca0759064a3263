import type { Config } from "./config-types.ts";

export type * from "./config-types.ts";

/**
 * The configuration itself: for its types, in a file such as
 *
 *     import { defineConfig } from "ringway";
 *     export default defineConfig({ listen: ":6380", upstream: "10.0.0.5:6379" });
 */
export function defineConfig(config: Config): Config {
  return config;
}
