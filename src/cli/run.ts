import type { ConsolaInstance } from "consola/core";
import type { Address, ProxyOptions } from "../config/options.ts";
import { formatCount, formatDuration } from "../config/quantity.ts";
import { needsEmbedded, proxyOptions, type Settings } from "../config/validate.ts";
import { Observation } from "../control/observation.ts";
import { type Proxy as RunningProxy, startProxy } from "../control/proxy.ts";
import { History } from "../observe/history.ts";
import { LogObserver } from "../observe/log.ts";
import { LISTED_MAX, statistics } from "../observe/statistics.ts";
import { renderJson } from "../observe/statistics-json.ts";
import { renderText } from "../observe/statistics-text.ts";
import type { EmbeddedUpstream } from "../upstream/embedded/server.ts";
import { adminLine, hints, listeningLine } from "./announce.ts";
import { checkUpstreams } from "./check-upstreams.ts";
import { Hangup } from "./hangup.ts";
import { createLogger } from "./logger.ts";
import { writeOut } from "./output.ts";
import { programName, version } from "./program.ts";
import { exitCodeOf, type StopSignal, StopSignals } from "./signals.ts";
import { adminStartError, StartError, startError } from "./start-error.ts";

/** Milliseconds that the access log gets at an orderly stop, and at one that was cut short. */
const FLUSH_MS = 2_000;
const FLUSH_CUT_MS = 200;

/** A run from its start to its statistics. */
interface Run {
  readonly settings: Settings;
  readonly log: ConsolaInstance;
  readonly history: History;
  readonly observer: LogObserver;
  readonly observation: Observation;
  readonly proxy: RunningProxy;
  readonly embedded: EmbeddedUpstream | null;
}

/**
 * Runs the proxy until a signal ends it.
 *
 * @returns the exit code: 0 after an orderly stop, 130 or 143 when a second signal cut it short
 * @throws StartError when it cannot start; nothing is left running then
 */
export async function run(settings: Settings): Promise<number> {
  // Before anything is started, so that there is no moment in which a signal finds nobody.
  const signals = new StopSignals();
  const current = await start(settings);
  const signal = await stop(current, signals);
  const isWritten = await printStatistics(current);
  // Not before: relays that still run are to be shown as such.
  current.embedded?.stop();
  if (signal !== null) return exitCodeOf(signal);
  return isWritten ? 0 : 1;
}

async function start(settings: Settings): Promise<Run> {
  const log = await createLogger(settings.verbose);
  const history = new History(LISTED_MAX);
  const observer = new LogObserver(log, history);
  await checkUpstreams(settings.listeners.flatMap(({ upstreams }) => upstreams));
  const embedded = settings.listeners.some(needsEmbedded) ? await startEmbedded() : null;
  const options = proxyOptions(settings, embedded === null ? [] : [addressOf(embedded)]);
  let observation: Observation | null = null;
  try {
    observation = await observe(settings, log, observer);
    const proxy = await startProxy(options, observation.observer);
    observation.accepts(proxy.engine);
    const current = { settings, log, history, observer, observation, proxy, embedded };
    announce(current, options);
    return current;
  } catch (error) {
    embedded?.stop();
    await observation?.close(0);
    throw startError(error);
  }
}

async function observe(
  { accessLog, admin }: Settings,
  log: ConsolaInstance,
  observer: LogObserver,
): Promise<Observation> {
  const options = { accessLog, admin, log, version, others: [observer] };
  const observation = await Observation.start(options).catch((error) => {
    throw adminStartError(error);
  });
  if (observation.canReopen) new Hangup().add(() => observation.reopen());
  return observation;
}

async function startEmbedded(): Promise<EmbeddedUpstream> {
  const { startEmbeddedUpstream } = await import("../upstream/embedded/server.ts");
  try {
    return startEmbeddedUpstream({ hostname: "127.0.0.1", port: 0 });
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    throw new StartError(`the demo upstream cannot listen on 127.0.0.1: ${code}`);
  }
}

function addressOf({ address }: EmbeddedUpstream): Address {
  if ("unix" in address) return { kind: "unix", path: address.unix };
  return { kind: "tcp", host: address.hostname, port: address.port };
}

function announce({ log, proxy, observation }: Run, { listeners }: ProxyOptions): void {
  const hint = proxy.engineFellBack ? `; \`${programName()} doctor\` says what to do` : "";
  log[proxy.engineFellBack ? "info" : "debug"](`engine ${proxy.engineChoice}${hint}`);
  for (const note of proxy.engineNotes) log.info(`engine ${proxy.engine.name}: ${note}`);
  for (const [index, listener] of listeners.entries()) {
    log.info(listeningLine(proxy.addresses[index] ?? listener.address, listener));
  }
  if (observation.adminAddress !== null) log.info(adminLine(observation.adminAddress));
  const demo = listeners.findIndex((one) => one.upstreamInside && one.mode === "bidirectional");
  const address = proxy.addresses[demo];
  if (address === undefined) return;
  for (const line of hints(address)) log.info(line);
}

/** Waits for a signal and stops. @returns the second signal, if one cut the stop short */
async function stop(current: Run, signals: StopSignals): Promise<StopSignal | null> {
  const { log, proxy, settings, observation } = current;
  const first = await signals.next();
  observation.drains();
  log.info(stoppingLine(first, proxy.engine.stats().relays.running, settings.drainTimeoutMs));
  const stopped = proxy.stop(settings.drainTimeoutMs).then(() => null);
  const second = await Promise.race([stopped, signals.next()]);
  signals.exitAtOnce();
  await observation.close(second === null ? FLUSH_MS : FLUSH_CUT_MS);
  current.observer.flush();
  const { reasons, running } = proxy.engine.stats().relays;
  if (second !== null) log.warn(`${second} again: not waiting for ${relays(running)}`);
  else if (reasons.drain !== undefined) log.warn(`stopped: had to cut ${relays(reasons.drain)}`);
  else log.info("stopped");
  return second;
}

function stoppingLine(signal: StopSignal, running: number, drainTimeoutMs: number): string {
  if (running === 0) return `stopping: ${signal}, no relays running`;
  const limit = `up to ${formatDuration(drainTimeoutMs)}`;
  return `stopping: ${signal}, ${relays(running)} running, ${limit}; a second signal ends at once`;
}

function relays(count: number): string {
  return count === 1 ? "1 relay" : `${formatCount(count)} relays`;
}

/** @returns whether they could be written; it has been logged otherwise */
async function printStatistics({ settings, log, history, proxy }: Run): Promise<boolean> {
  const { stats: form, verbose } = settings;
  if (form === "none") return true;
  const { engine } = proxy;
  const all = statistics(engine.stats(), history.list(), engine.relays());
  const text = form === "json" ? renderJson(all) : renderText(all, verbose);
  // Whoever reads the access log from stdout wants nothing else in it.
  const code = await writeOut(text, settings.accessLog?.target === "stdout" ? "stderr" : "stdout");
  if (code !== null) log.error(`the statistics could not be written: ${code}`);
  return code === null;
}
