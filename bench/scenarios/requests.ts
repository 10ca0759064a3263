import { execute } from "../load/execute.ts";
import type { RequestsSpec } from "../load/load.ts";
import { RemoteLoad } from "../load/remote.ts";
import type { FigureName } from "../measure/figures.ts";
import { measureWindow, operationFigures } from "../measure/window.ts";
import { type OpenScenario, pick, type Scenario, type Setting } from "./scenario.ts";

const SHOWN: readonly FigureName[] = ["operationsPerSecond", "cpuMicros", "latencyP99Micros"];

interface Parameters {
  readonly name: string;
  readonly title: string;
  readonly request: RequestsSpec["request"];
  readonly connections: { readonly smoke: number; readonly full: number };
  readonly valueBytes?: number;
  readonly pipeline?: number;
  readonly isOnOneCore?: boolean;
}

function requests(parameters: Parameters): Scenario {
  const { name, title, request, connections, valueBytes = 0, pipeline = 1 } = parameters;
  return {
    name,
    title,
    upstream: "redis",
    shown: SHOWN,
    isOnOneCore: parameters.isOnOneCore === true,
    async open({ form, durationMs, upstreamPort }: Setting): Promise<OpenScenario> {
      if (request === "get") await execute(upstreamPort, "set", valueBytes);
      const load = new RemoteLoad({
        kind: "requests",
        connections: pick(form, connections),
        request,
        valueBytes,
        pipeline,
      });
      return {
        measure: async (target) => operationFigures(await measureWindow(target, load, durationMs)),
        close: () => load.stop(),
      };
    },
  };
}

/** Closed loops of requests: what chatty clients do. */
export const requestScenarios: readonly Scenario[] = [
  requests({
    name: "ping-1",
    title: "PING, 1 connection",
    request: "ping",
    connections: { smoke: 1, full: 1 },
    isOnOneCore: true,
  }),
  requests({
    name: "ping-50",
    title: "PING, 50 connections",
    request: "ping",
    connections: { smoke: 10, full: 50 },
  }),
  requests({
    name: "ping-500",
    title: "PING, 500 connections",
    request: "ping",
    connections: { smoke: 50, full: 500 },
  }),
  requests({
    name: "pipeline-16",
    title: "PING, 50 connections, 16 in flight on each",
    request: "ping",
    connections: { smoke: 5, full: 50 },
    pipeline: 16,
  }),
  requests({
    name: "set-16k",
    title: "SET of 16 KiB, 20 connections",
    request: "set",
    connections: { smoke: 5, full: 20 },
    valueBytes: 16 * 1024,
  }),
  requests({
    name: "get-64k",
    title: "GET of 64 KiB, 20 connections",
    request: "get",
    connections: { smoke: 5, full: 20 },
    valueBytes: 64 * 1024,
  }),
];
