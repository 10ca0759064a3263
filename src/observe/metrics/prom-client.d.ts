/*
 * The parts of prom-client 15.1.3 that ringway uses. Its index would load all of it, with
 * OpenTelemetry and the digests of summaries, which takes five times as long.
 */

declare module "prom-client/lib/registry.js" {
  import { Registry } from "prom-client";
  export default Registry;
}

declare module "prom-client/lib/counter.js" {
  import { Counter } from "prom-client";
  export default Counter;
}

declare module "prom-client/lib/gauge.js" {
  import { Gauge } from "prom-client";
  export default Gauge;
}

declare module "prom-client/lib/histogram.js" {
  import { Histogram } from "prom-client";
  export default Histogram;
}

declare module "prom-client/lib/metrics/*" {
  import type { Registry } from "prom-client";
  /** Registers one of the default metrics. */
  export default function register(registry: Registry): void;
}
