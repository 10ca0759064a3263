import type { Pair } from "../measure/certificate.ts";
import type { FigureName, Figures } from "../measure/figures.ts";
import type { Form } from "../measure/result.ts";
import type { Target } from "../proxies/proxy.ts";
import type { UpstreamKind } from "../upstreams/upstream.ts";

/** One situation that proxies are compared in. */
export interface Scenario {
  /** Its name in options. */
  readonly name: string;
  /** What happens in it, for the tables. */
  readonly title: string;
  readonly upstream: UpstreamKind;
  /** Null if it can run here; otherwise how to get what is missing. If absent, it can run. */
  readonly missing?: () => string | null;
  /** The figures that matter most here, the most important first. */
  readonly shown: readonly FigureName[];
  /** Most rounds, if one takes long; by default there is no limit. */
  readonly roundsMax?: number;
  /** Clients speak TLS, which the proxies end; whoever cannot is left out. */
  readonly endsTls?: boolean;
  /**
   * Clients send commands that proxies may send on over few connections: only those that do take
   * part, and `direct`.
   */
  readonly isMultiplexed?: boolean;
  /** Only a run whose options name it has it; a run of everything does not. */
  readonly isOnRequest?: boolean;
  /** Each round starts its proxies itself, so that there is nothing to warm up. */
  readonly isFresh?: boolean;
  /**
   * Everything of it runs on one core: for work in lockstep, of which no two parts could run at the
   * same time anyway. Where the scheduler puts them would otherwise change the figures threefold.
   */
  readonly isOnOneCore?: boolean;
  /** Prepares it once, before the rounds. */
  open(setting: Setting): Promise<OpenScenario>;
}

/** The environment of a scenario. */
export interface Setting {
  readonly form: Form;
  /** How long the window of a round should be. */
  readonly durationMs: number;
  readonly upstreamPort: number;
  /** The upstream's process. */
  readonly upstreamPid: number;
  /** What the proxies show clients that speak TLS; null for plain connections. */
  readonly tls: Pair | null;
  /** All that will be measured. */
  readonly targets: readonly Target[];
}

/** A scenario that is ready. */
export interface OpenScenario {
  /** What it found out about itself, for the tables. */
  readonly note?: string;
  /**
   * One round of one proxy.
   *
   * @throws Error when anything in it was not right
   */
  measure(target: Target): Promise<Figures>;
  close(): Promise<void>;
}

/** The value of a parameter for this form of the run. */
export function pick<T>(form: Form, values: { readonly smoke: T; readonly full: T }): T {
  return values[form];
}
