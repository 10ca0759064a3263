import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProxyAdapter, Target } from "../proxies/proxy.ts";
import type { OpenScenario, Scenario } from "../scenarios/scenario.ts";
import { startUpstream, type Upstream } from "../upstreams/upstream.ts";
import { pinToOneCore } from "./affinity.ts";
import { makePair, type Pair } from "./certificate.ts";
import { type Child, freePort, startChild, waitForPort } from "./child.ts";
import type { Form, RoundResult, ScenarioResult } from "./result.ts";

/** How scenarios are run. */
export interface RunOptions {
  readonly form: Form;
  /** Rounds that count; one more precedes them if there is something to warm up. */
  readonly rounds: number;
  readonly durationMs: number;
  /** Called when a round begins, to show progress. */
  readonly onRound: (scenario: Scenario, proxy: ProxyAdapter, round: number) => void;
}

/**
 * The numbers of a scenario's rounds; 0 is the warm-up, where there is one: where figures are
 * nobody's business, as in the smoke form, nothing has to be warm.
 */
export function roundsOf(
  { roundsMax, isFresh }: Scenario,
  rounds: number,
  form: Form = "full",
): number[] {
  const count = Math.min(rounds, roundsMax ?? rounds);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return isFresh === true || form === "smoke" ? numbers : [0, ...numbers];
}

/** Whether this proxy can do what the scenario is about. */
export function takesPart(scenario: Scenario, adapter: ProxyAdapter): boolean {
  if (scenario.endsTls === true && !adapter.endsTls) return false;
  if (adapter.name === "direct") return true;
  return (scenario.isMultiplexed === true) === (adapter.isMultiplexer === true);
}

/**
 * Runs one scenario: starts its upstream and every proxy, each on its own port, measures them in
 * turn (A B C A B C …), so that whatever else the machine does meets all alike, and stops them.
 * What fails is in the result, and the others go on.
 */
export async function runScenario(
  scenario: Scenario,
  adapters: readonly ProxyAdapter[],
  options: RunOptions,
): Promise<ScenarioResult> {
  const unpin = scenario.isOnOneCore === true ? pinToOneCore() : null;
  try {
    const result = await runPlaced(scenario, adapters, options);
    if (unpin === null) return result;
    const note = ["everything on one core", result.note].filter((part) => part !== null).join("; ");
    return { ...result, note };
  } finally {
    unpin?.();
  }
}

async function runPlaced(
  scenario: Scenario,
  adapters: readonly ProxyAdapter[],
  options: RunOptions,
): Promise<ScenarioResult> {
  const tls = scenario.endsTls === true ? await makePair() : null;
  const upstream = await startUpstream(scenario.upstream);
  const started: Started[] = [];
  let open: OpenScenario | null = null;
  try {
    const rounds: RoundResult[] = [];
    for (const adapter of adapters.filter((one) => takesPart(scenario, one))) {
      try {
        started.push(await startProxy(adapter, upstream, tls));
      } catch (error) {
        rounds.push(failed(adapter.name, 0, error));
      }
    }
    const targets = started.map(({ target }) => target);
    const { form, durationMs } = options;
    try {
      const { port, child } = upstream;
      const behind = { upstreamPort: port, upstreamPid: child.pid };
      open = await scenario.open({ form, durationMs, ...behind, targets, tls });
      rounds.push(...(await runRounds(scenario, open, targets, options)));
    } catch (error) {
      // What comes before the rounds meets all of them, and so does its failure.
      for (const { target } of started) rounds.push(failed(target.adapter.name, 0, error));
    }
    const { name, title, shown } = scenario;
    return { name, title, note: open?.note ?? null, shown, rounds };
  } finally {
    await open?.close();
    for (const { stop } of started) await stop();
    await upstream.child.stop();
    await tls?.remove();
  }
}

async function runRounds(
  scenario: Scenario,
  open: OpenScenario,
  targets: readonly Target[],
  { form, rounds, onRound }: RunOptions,
): Promise<RoundResult[]> {
  const results: RoundResult[] = [];
  for (const round of roundsOf(scenario, rounds, form)) {
    for (const target of targets) {
      onRound(scenario, target.adapter, round);
      const result = await runRound(open, target, round);
      // A warm-up counts for nothing, except when something was wrong in it.
      if (round > 0 || result.failure !== null) results.push(result);
    }
  }
  return results;
}

async function runRound(open: OpenScenario, target: Target, round: number): Promise<RoundResult> {
  const proxy = target.adapter.name;
  try {
    const figures = await open.measure(target);
    for (const [name, value] of Object.entries(figures)) {
      if (!Number.isFinite(value)) throw new Error(`${name} is ${value}`);
    }
    return { proxy, round, figures, failure: null };
  } catch (error) {
    return failed(proxy, round, error);
  }
}

function failed(proxy: string, round: number, error: unknown): RoundResult {
  return { proxy, round, figures: {}, failure: (error as Error).message };
}

interface Started {
  readonly target: Target;
  stop(): Promise<void>;
}

async function startProxy(
  adapter: ProxyAdapter,
  upstream: Upstream,
  tls: Pair | null,
): Promise<Started> {
  if (adapter.name === "direct") {
    const { port, child } = upstream;
    return {
      target: { adapter, port, pid: child.pid, startupMs: null },
      stop: async () => {},
    };
  }
  const { child, port, startupMs, stop } = await launch(adapter, upstream.port, { tls });
  return { target: { adapter, port, pid: child.pid, startupMs }, stop };
}

/** A proxy that was started on a free port and accepts there. */
export interface Launched {
  readonly child: Child;
  readonly port: number;
  /** From its start to its first accepted connection. */
  readonly startupMs: number;
  stop(): Promise<void>;
}

interface LaunchOptions {
  /** What it shows clients, whose TLS it ends; null for plain connections. */
  readonly tls?: Pair | null;
  /** A command that takes the proxy's command as its last arguments and runs it. */
  readonly under?: readonly string[];
}

/**
 * Starts a proxy with a directory of its own, which goes with it.
 */
export async function launch(
  adapter: ProxyAdapter,
  upstreamPort: number,
  { tls = null, under = [] }: LaunchOptions = {},
): Promise<Launched> {
  const directory = await mkdtemp(join(tmpdir(), `ringway-bench-${adapter.name}-`));
  const port = await freePort();
  const startedAt = performance.now();
  const command = await adapter.command(port, upstreamPort, directory, tls);
  const child = startChild([...under, ...command]);
  const stop = async () => {
    await child.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await waitForPort(port, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { child, port, startupMs: performance.now() - startedAt, stop };
}
