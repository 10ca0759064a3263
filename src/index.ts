/*
 * ringway as a library: what programs and configurations in TypeScript import from "ringway".
 */

export { ConfigError } from "./base/error.ts";
export type { Reason } from "./base/reason.ts";
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
export type { NameRouteConfig } from "./config/name-routes.ts";
export type { EngineName, Mode, UringSend } from "./config/options.ts";
export { StoppedError } from "./control/stopped-error.ts";
export type { FlowStats } from "./counts/figures.ts";
export { ListenError, type PortHolder } from "./engine/listen-error.ts";
export { EngineUnsupportedError } from "./engine/select.ts";
export type {
  Connection,
  ConnectionHeader,
  ConnectionHello,
  Decision,
  Route,
  UpstreamState,
} from "./entry/route/connection.ts";
export { createProxy, type Proxy, type ProxyConfig } from "./library/create-proxy.ts";
export type { ProxyEvents } from "./library/events.ts";
export type {
  DialFailure,
  RouteFailure,
  UpstreamEvent,
  WorkerFailure,
} from "./relay/events.ts";
export type { EngineStats, RelaySummary, RingStats } from "./relay/ledger/stats.ts";
export type { MirrorStats } from "./relay/mirror/account.ts";
export type { DropReason, MirrorDrop, MirrorOutcome } from "./relay/mirror/reason.ts";
