/*
 * ringway as a library: what a program or a configuration in TypeScript imports from "ringway".
 */

export {
  type Config,
  type Duration,
  defineConfig,
  type ListenerConfig,
  type ListenerSettings,
  type OnOff,
  type ShortDuration,
  type Size,
  type UpstreamConfig,
  type UringConfig,
} from "./config/config.ts";
export type { Mode, UringSend } from "./config/options.ts";
