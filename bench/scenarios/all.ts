import { bulkScenarios } from "./bulk.ts";
import { churn } from "./churn.ts";
import { crowdScenarios } from "./crowd.ts";
import { idleScenarios } from "./idle.ts";
import { rateScenarios } from "./rate.ts";
import { requestScenarios } from "./requests.ts";
import type { Scenario } from "./scenario.ts";
import { startup } from "./startup.ts";
import { tlsScenarios } from "./tls.ts";
import { toolIperf3 } from "./tool-iperf3.ts";
import { toolRedisBenchmark } from "./tool-redis-benchmark.ts";
import { toolTime } from "./tool-time.ts";
import { valkeyScenarios } from "./valkey.ts";

/** Every scenario, in the order of the tables. */
export const scenarios: readonly Scenario[] = [
  ...requestScenarios,
  churn,
  ...bulkScenarios,
  ...idleScenarios,
  ...crowdScenarios,
  ...rateScenarios,
  ...tlsScenarios,
  startup,
  toolRedisBenchmark,
  toolIperf3,
  toolTime,
  ...valkeyScenarios,
];
