import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";
import type { Reason } from "../../base/reason.ts";
import type { Fields } from "../../relay/events.ts";
import type { Handlers } from "../../relay/observer.ts";
import { isBelieved } from "../../upstream/health/monitor.ts";
import { SLOTS_MAX } from "../../upstream/table.ts";
import { FigureText } from "./figure-text.ts";
import { figures } from "./figures.ts";
import { registerProcess } from "./process.ts";
import { Recent } from "./recent.ts";
import type { Snapshot, UpstreamFigures } from "./snapshot.ts";

/** In seconds, from dials within a rack to the default connect timeout. */
const DIAL_BUCKETS = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

/** In seconds, from a single request to a connection that lasts for days. */
const RELAY_BUCKETS = [
  0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1_800, 3_600, 21_600, 86_400,
];

/** The metrics that events change; all others are {@link figures}. */
export const toldMetrics = {
  dialSeconds: {
    kind: "histogram",
    name: "ringway_dial_seconds",
    help: "Seconds from accepting a client until an upstream answered, including failed dials and waits.",
    labels: ["listener", "upstream"],
  },
  relaySeconds: {
    kind: "histogram",
    name: "ringway_relay_seconds",
    help: "Seconds from accepting a client until its relay ended.",
    labels: ["listener", "upstream"],
  },
  dialFailures: {
    kind: "counter",
    name: "ringway_dial_failures_total",
    help: "Dials that failed. Another upstream may have been tried then.",
    labels: ["upstream", "reason"],
  },
  routeRelays: {
    kind: "counter",
    name: "ringway_route_relays_total",
    help: "Relays that have ended, by the route that their client took or was refused by.",
    labels: ["listener", "route"],
  },
  build: {
    kind: "gauge",
    name: "ringway_build_info",
    help: "Always 1. The labels say which version, engines and Bun this is.",
    labels: ["version", "engine", "bun"],
  },
} as const;

/**
 * Removed upstreams whose times and failures are kept. Members of services come and go without end,
 * and each would leave a series behind.
 */
const GONE_MAX = 256;
/** A bound that holds even if metrics are never scraped. */
const KNOWN_MAX = SLOTS_MAX + GONE_MAX;

/** Identifies the measured program. */
export interface Build {
  readonly version: string;
  /** The engines that carry listeners, with commas between them. */
  readonly engine: string;
}

/**
 * The metrics in Prometheus' text format.
 *
 * Events that end relays feed the histograms, in the main thread; prom-client keeps and writes
 * them. Everything else is read for each scrape from what the engine counts anyway.
 */
export class Metrics implements Handlers {
  /** Accepting is not paused. */
  accepts = true;
  /** The metrics that events change, and time alone does not. */
  private readonly registry = new Registry();
  private readonly dialSeconds = new Histogram({
    ...described(toldMetrics.dialSeconds),
    buckets: DIAL_BUCKETS,
    registers: [this.registry],
  });
  private readonly relaySeconds = new Histogram({
    ...described(toldMetrics.relaySeconds),
    buckets: RELAY_BUCKETS,
    registers: [this.registry],
  });
  private readonly dialFailures = new Counter({
    ...described(toldMetrics.dialFailures),
    registers: [this.registry],
  });
  /** The labels of both histograms. */
  private readonly pairs = new Recent<{ listener: string; upstream: string }>(
    KNOWN_MAX,
    (labels) => {
      this.dialSeconds.remove(labels);
      this.relaySeconds.remove(labels);
      this.told = null;
    },
  );
  /** The reasons for which dials of each upstream have failed. */
  private readonly failing = new Recent<{ upstream: string; reasons: Set<Reason> }>(
    KNOWN_MAX,
    ({ upstream, reasons }) => {
      for (const reason of reasons) this.dialFailures.remove({ upstream, reason });
      this.told = null;
    },
  );
  private readonly routeRelays = new Counter({
    ...described(toldMetrics.routeRelays),
    registers: [this.registry],
  });
  /** The labels of these: routes come and go with reloads. */
  private readonly taken = new Recent<{ listener: string; route: string }>(KNOWN_MAX, (labels) => {
    this.routeRelays.remove(labels);
    this.told = null;
  });
  private readonly build = new Gauge({
    ...described(toldMetrics.build),
    registers: [this.registry],
  });
  /** The text of {@link registry}; null if it has changed since. */
  private told: Promise<string> | null = null;
  private readonly process = new Registry();
  private readonly read = figures.map((figure) => [figure, new FigureText(figure)] as const);
  /** The engines that {@link build} tells. */
  private engines: string | null = null;
  private turns = 0;

  constructor() {
    registerProcess(this.process);
  }

  relayEnded({ relay }: Fields<"relayEnded">): void {
    const { dialMs, listener, route } = relay;
    const upstream = relay.upstream ?? "";
    const labels = this.pairs.use(`${listener}\n${upstream}`, () => ({ listener, upstream }));
    if (dialMs !== null) this.dialSeconds.observe(labels, dialMs / 1_000);
    this.relaySeconds.observe(labels, relay.durationMs / 1_000);
    if (route !== null) {
      const by = this.taken.use(`${listener}\n${route}`, () => ({ listener, route }));
      this.routeRelays.inc(by);
    }
    this.told = null;
  }

  dialFailed({ upstream, reason }: Pick<Fields<"dialFailed">, "upstream" | "reason">): void {
    const failing = this.failing.use(upstream, () => ({ upstream, reasons: new Set() }));
    failing.reasons.add(reason);
    this.dialFailures.inc({ upstream, reason });
    this.told = null;
  }

  acceptPaused(): void {
    this.accepts = false;
  }

  acceptResumed(): void {
    this.accepts = true;
  }

  private tellBuild(version: string, engine: string): void {
    if (engine === this.engines) return;
    this.engines = engine;
    this.build.reset();
    this.build.set({ version, engine, bun: Bun.version }, 1);
    this.told = null;
  }

  /** The content type of {@link text}, for HTTP. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** All metrics as of now. */
  async text(snapshot: Snapshot, { version, engine }: Build): Promise<string> {
    this.tellBuild(version, engine);
    const { stats } = snapshot;
    const known = snapshot.upstreams.length + GONE_MAX;
    // Each listener also has relays without an upstream.
    this.pairs.keep(known + stats.listeners.length);
    this.failing.keep(known);
    // The engine may correct its estimate downwards, but a counter must not fall.
    this.turns = Math.max(this.turns, stats.loop.turns);
    const rising = { ...stats, loop: { ...stats.loop, turns: this.turns } };
    const accepts = snapshot.accepts && this.accepts;
    const now = { ...snapshot, stats: rising, accepts, upstreams: eachOnce(snapshot.upstreams) };
    let text = "";
    for (const [figure, written] of this.read) {
      // A reload may bring what was not there.
      if (figure.exists?.(snapshot) ?? true) text += written.of(now);
    }
    // Histograms are long, and usually no relay has ended since the last scrape.
    this.told ??= this.registry.metrics();
    return `${text}${await this.told}\n${await this.process.metrics()}`;
  }
}

/** In the form that prom-client takes. */
function described<Label extends string>(metric: {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
}): { name: string; help: string; labelNames: Label[] } {
  return { name: metric.name, help: metric.help, labelNames: [...metric.labels] };
}

/**
 * A listener with several addresses has its upstreams once for each of them, with the same labels.
 * No two samples may have the same labels, so they are combined: numbers are summed, and the worst
 * health counts.
 */
function eachOnce(upstreams: readonly UpstreamFigures[]): UpstreamFigures[] {
  const known = new Map<string, UpstreamFigures>();
  for (const one of upstreams) {
    const key = `${one.listener}\n${one.upstream}`;
    const other = known.get(key);
    known.set(key, other === undefined ? one : asOne(one, other));
  }
  return [...known.values()];
}

function asOne(one: UpstreamFigures, other: UpstreamFigures): UpstreamFigures {
  return {
    listener: one.listener,
    upstream: one.upstream,
    isOpen: one.isOpen && other.isOpen,
    health: isBelieved(one.health) ? other.health : one.health,
    running: one.running + other.running,
    effectiveWeight: Math.min(one.effectiveWeight, other.effectiveWeight),
    addresses: addressesOnce([...one.addresses, ...other.addresses]),
    primaries: one.primaries ?? other.primaries,
  };
}

function addressesOnce(all: UpstreamFigures["addresses"]): UpstreamFigures["addresses"] {
  const known = new Map<string, UpstreamFigures["addresses"][number]>();
  for (const one of all) {
    const other = known.get(one.address);
    if (other === undefined || other.health === "up") known.set(one.address, one);
  }
  return [...known.values()];
}
