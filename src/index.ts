/*
 * ringway as a library: what a program or a configuration in TypeScript imports from "ringway".
 */

export {
  type Config,
  type Duration,
  defineConfig,
  type EdgeSettings,
  type HealthSettings,
  type ListenerConfig,
  type ListenerSettings,
  type MirrorSettings,
  type OnOff,
  type RouteSettings,
  type ShortDuration,
  type Size,
  type UpstreamConfig,
  type UpstreamTable,
  type UringConfig,
} from "./config/config.ts";
export { ConfigError } from "./config/error.ts";
export type { EngineName, Mode, UringSend } from "./config/options.ts";
export { StoppedError } from "./control/stopped-error.ts";
export type { FlowStats } from "./counts/figures.ts";
export type {
  Connection,
  ConnectionHeader,
  Decision,
  Route,
  UpstreamState,
} from "./edge/route/connection.ts";
export {
  type EngineStats,
  ListenError,
  type PortHolder,
  type RelaySummary,
  type RingStats,
} from "./engine/engine.ts";
export type {
  DialFailure,
  RouteFailure,
  UpstreamEvent,
  WorkerFailure,
} from "./engine/events.ts";
export type { MirrorStats } from "./engine/mirror/account.ts";
export type { DropReason, MirrorDrop, MirrorOutcome } from "./engine/mirror/reason.ts";
export { EngineUnsupportedError } from "./engine/select.ts";
export type { Reason } from "./flow/reason.ts";
export { createProxy, type Proxy, type ProxyConfig } from "./library/create-proxy.ts";
export type { ProxyEvents } from "./library/events.ts";
