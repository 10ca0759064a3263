import type { LoadSpec } from "../load/load.ts";
import { RemoteLoad } from "../load/remote.ts";
import { missingOpenssl } from "../measure/certificate.ts";
import type { FigureName } from "../measure/figures.ts";
import { measureWindow, operationFigures, streamFigures } from "../measure/window.ts";
import type { UpstreamKind } from "../upstreams/upstream.ts";
import { pick, type Scenario, type Setting } from "./scenario.ts";

interface Parameters {
  readonly name: string;
  readonly title: string;
  readonly upstream: UpstreamKind;
  readonly shown: readonly FigureName[];
  /** Clients resume the session of an earlier connection. */
  readonly resumes?: boolean;
  readonly load: (setting: Setting) => LoadSpec;
}

/** Clients speak TLS 1.3 to the proxies, which speak plain TCP to the upstream. */
function endedTls({ name, title, upstream, shown, resumes = false, load }: Parameters): Scenario {
  return {
    name,
    title,
    upstream,
    shown,
    endsTls: true,
    missing: missingOpenssl,
    async open(setting) {
      const ca = setting.tls?.cert ?? "";
      const remote = new RemoteLoad({ ...load(setting), tls: { ca, resumes } });
      const figuresOf = upstream === "sink" ? streamFigures : operationFigures;
      return {
        measure: async (target) =>
          figuresOf(await measureWindow(target, remote, setting.durationMs)),
        close: () => remote.stop(),
      };
    },
  };
}

const OPERATIONS = ["operationsPerSecond", "cpuMicros", "latencyP99Micros"] as const;

function handshakes({ form }: Setting): LoadSpec {
  return { kind: "churn", concurrency: pick(form, { smoke: 4, full: 16 }) };
}

/** What ending TLS costs: small requests, many bytes, new and resumed sessions. */
export const tlsScenarios: readonly Scenario[] = [
  endedTls({
    name: "tls-ping-50",
    title: "PING over TLS, 50 connections",
    upstream: "redis",
    shown: OPERATIONS,
    load: ({ form }) => ({
      kind: "requests",
      connections: pick(form, { smoke: 10, full: 50 }),
      request: "ping",
      valueBytes: 0,
      pipeline: 1,
    }),
  }),
  endedTls({
    name: "tls-bulk",
    title: "1 bulk stream over TLS to the upstream",
    upstream: "sink",
    shown: ["gigabitsPerSecond", "cpuMillisPerGigabyte", "memoryPeakMebibytes"],
    load: () => ({ kind: "bulk", streams: 1 }),
  }),
  endedTls({
    name: "tls-handshakes",
    title: "a full TLS handshake, one PING, close; 16 at a time",
    upstream: "redis",
    shown: OPERATIONS,
    load: handshakes,
  }),
  endedTls({
    name: "tls-resumed",
    title: "a resumed TLS session, one PING, close; 16 at a time",
    upstream: "redis",
    shown: OPERATIONS,
    resumes: true,
    load: handshakes,
  }),
];
