import * as v from "valibot";

// The parts of the admin API's answers that commands use. A program at an address may answer
// anything, so each value is checked before use. A newer ringway may send more.

const figure = v.pipe(v.number(), v.finite(), v.minValue(0));
const count = v.pipe(figure, v.integer());
const texts = v.array(v.string());

const flow = v.looseObject({ receivedBytes: count });

const relay = v.looseObject({
  id: count,
  client: v.string(),
  upstream: v.nullable(v.string()),
  durationMs: figure,
  isWaiting: v.boolean(),
  up: flow,
  down: flow,
});

const listener = v.looseObject({
  name: v.nullable(v.string()),
  listen: v.string(),
  address: v.string(),
  mode: v.string(),
  /** A proxy of an earlier version does not say. */
  engine: v.optional(v.string()),
  upstreams: texts,
  upstreamInside: v.boolean(),
  accepting: v.boolean(),
});

const upstream = v.looseObject({
  id: count,
  listener: v.string(),
  upstream: v.string(),
  service: v.nullable(v.string()),
  isBackup: v.boolean(),
  weight: figure,
  effectiveWeight: figure,
  state: v.string(),
  health: v.string(),
  running: count,
  maxRelays: count,
  lastCheck: v.nullable(v.looseObject({ detail: v.nullable(v.string()) })),
  trouble: v.nullable(v.string()),
  healthForMs: figure,
  addresses: v.array(
    v.looseObject({ address: v.string(), health: v.string(), isCurrent: v.boolean() }),
  ),
});

const percentiles = v.nullable(v.looseObject({ p50: figure, p99: figure }));

/** {@link RelaysDocument} */
export const relaysAnswer = v.looseObject({
  running: count,
  matching: count,
  relays: v.array(relay),
});

/** {@link UpstreamsDocument}, or one of its upstreams. */
export const upstreamsAnswer = v.union([v.looseObject({ upstreams: v.array(upstream) }), upstream]);

/** {@link SettingChange} of each setting; missing from a proxy of an earlier version. */
const settingChanges = v.optional(
  v.array(v.looseObject({ setting: v.string(), before: v.string(), after: v.string() })),
);

/** {@link PlanDocument} */
export const planAnswer = v.looseObject({
  summary: v.string(),
  added: v.array(listener),
  removed: v.array(listener),
  changed: v.array(v.looseObject({ after: listener, settings: settingChanges })),
  reopened: v.array(listener),
  needRestart: texts,
  settings: settingChanges,
});

/** {@link DrainDocument} or {@link ListenerDrainDocument} */
export const drainAnswer = v.union([
  v.looseObject({ listener: v.string(), drainTimeoutMs: figure }),
  v.looseObject({ running: count, drainTimeoutMs: figure }),
]);

/** {@link StateDocument} */
export const stateAnswer = v.looseObject({
  version: v.string(),
  pid: count,
  status: v.string(),
  startedAt: figure,
  uptimeMs: figure,
  engine: v.looseObject({ name: v.string(), workers: count }),
  /** A proxy of an earlier version has one. */
  engines: v.optional(v.array(v.looseObject({ name: v.string() }))),
  listeners: v.array(listener),
  upstreams: v.array(upstream),
  totals: v.looseObject({
    durationMs: figure,
    relays: v.looseObject({ running: count, accepted: count }),
    up: flow,
    down: flow,
    memory: v.looseObject({ segmentsLeased: count, segmentSizeBytes: count }),
  }),
  latency: v.looseObject({ dialMs: percentiles, firstByteMs: percentiles }),
});

/** {@link ErrorDocument} */
export const errorAnswer = v.looseObject({ error: v.string(), problems: v.optional(texts, []) });

/** The shape that an answer must have. */
export type AnswerShape = v.GenericSchema;

/** Whether an answer has this shape. */
export function isOfShape(shape: AnswerShape, answer: unknown): boolean {
  return v.is(shape, answer);
}
