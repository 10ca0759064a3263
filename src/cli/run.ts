import type { ConsolaInstance } from "consola/core";
import type { Admin } from "../admin/admin.ts";
import { formatCounted, formatDuration } from "../base/quantity.ts";
import { proxyOptions, type Settings } from "../config/validate.ts";
import { Observation } from "../control/observation.ts";
import { RunningProxy } from "../control/proxy.ts";
import { History } from "../observe/history.ts";
import { LogObserver } from "../observe/log.ts";
import { LISTED_MAX, renderJson, statistics } from "../observe/statistics.ts";
import { renderText } from "../observe/statistics-text.ts";
import { forbidNewRights } from "../system/linux.ts";
import { beginAdmin, startAdmin } from "./admin.ts";
import { adminLine, hints, listeningLines } from "./announce.ts";
import { announceEngines } from "./announce-engines.ts";
import { checkUpstreams } from "./check-upstreams.ts";
import { Embedded } from "./embedded.ts";
import type { LogLines } from "./log-lines.ts";
import { createLogger } from "./logger.ts";
import { writeWhileRead } from "./output.ts";
import { become, refuseUnknown } from "./privileges/become.ts";
import { guardSecrets, holdsSecrets } from "./privileges/secrets.ts";
import { SocketsAhead } from "./privileges/sockets-ahead.ts";
import { version } from "./program.ts";
import { Reloader } from "./reload.ts";
import type { SettingsSource } from "./settings-source.ts";
import { exitCodeOf, type StopSignal, StopSignals, WorkSignals } from "./signals.ts";
import { startError } from "./start-error.ts";
import { InheritedSockets } from "./systemd/inherited.ts";
import { ServiceManager } from "./systemd/notify.ts";

/**
 * How long the access log gets at an orderly stop, and at one that was cut short, in milliseconds.
 */
const FLUSH_MS = 2_000;
const FLUSH_CUT_MS = 200;
/** How long the log's last lines get, in milliseconds. */
const FLUSH_LOG_MS = 500;

/** SIGUSR2 is a reload in HAProxy, and an upgrade of the executable in nginx. */
const STRANGE = "SIGUSR2 means nothing here: SIGTERM stops, SIGHUP reloads, SIGUSR1 reopens files";

/** A run from its start to its statistics. */
interface Run {
  readonly settings: Settings;
  readonly log: ConsolaInstance;
  /** The log's output. */
  readonly lines: LogLines;
  readonly history: History;
  readonly observer: LogObserver;
  readonly observation: Observation;
  readonly proxy: RunningProxy;
  readonly embedded: Embedded;
  readonly manager: ServiceManager;
  /** Null without an admin server. */
  readonly admin: Admin | null;
}

/**
 * Runs the proxy until a signal ends it.
 *
 * @returns the exit code: 0 after an orderly stop, 130 or 143 if a second signal cut it short
 * @throws StartError if it cannot start; then nothing is left running
 */
export async function run(source: SettingsSource): Promise<number> {
  // Threads inherit it from this one.
  if (process.platform === "linux") forbidNewRights();
  // Before anything is opened: see there.
  const inherited = new InheritedSockets(process.env);
  // Before anything starts, so that no signal is missed.
  const guarded = guardedSource(source);
  const signals = new StopSignals();
  const hangUps = new WorkSignals("SIGHUP");
  const reopenings = new WorkSignals("SIGUSR1");
  const strangers = new WorkSignals("SIGUSR2");
  const settings = await guarded.read();
  const current = await start(settings, inherited);
  const reloader = new Reloader(guarded, current);
  hangUps.onEach(() => {
    current.observation.reopen();
    void reloader.reload("SIGHUP");
  });
  // Both go on through a drain, which may take hours.
  reopenings.onEach(() => reopen(current));
  strangers.onEach(() => current.log.warn(STRANGE));
  reloader.watch();
  const drain = Promise.withResolvers<"admin API">();
  beginAdmin(current, reloader, () => drain.resolve("admin API"));
  // Only now: a service manager that reads this may ask for a reload at once.
  announce(current);
  for (const sentence of settings.overrides) current.log.warn(sentence);
  void checkUpstreams(settings.listeners, current.proxy, current.log);
  current.manager.ready(current.proxy.status);
  const first = await Promise.race([signals.next(), drain.promise]);
  hangUps.end();
  reloader.end();
  const signal = await stop(current, first, signals);
  // The access log is closed.
  reopenings.end();
  current.manager.close();
  await current.admin?.stop();
  const isWritten = await printStatistics(current);
  // Only now: until then, metrics show running relays as such.
  current.embedded.stop();
  if (signal !== null) return exitCodeOf(signal);
  return isWritten ? 0 : 1;
}

/** Settings whose secrets are protected, also after a reload. */
function guardedSource(source: SettingsSource): SettingsSource {
  return {
    ...source,
    read: async () => {
      const settings = await source.read();
      if (holdsSecrets(settings)) guardSecrets();
      return settings;
    },
  };
}

async function start(settings: Settings, inherited: InheritedSockets): Promise<Run> {
  const { account } = settings;
  if (account !== null) refuseUnknown(account);
  const { log, lines } = await createLogger(settings.verbose);
  const history = new History(LISTED_MAX);
  const observer = new LogObserver(log, history);
  const admin = await startAdmin(settings.admin, log);
  const embedded = new Embedded();
  let observation: Observation | null = null;
  try {
    observation = await Observation.start({
      accessLog: settings.accessLog,
      metrics: admin !== null,
      log,
      logLines: lines,
      version,
      others: [observer],
    });
    const options = proxyOptions(settings, await embedded.addressesFor(settings), admin?.address);
    const sockets = account === null ? inherited : await SocketsAhead.open(options, inherited.take);
    // Everything that needs more rights is open; no worker has started, and no client was accepted.
    if (account !== null) {
      become(account);
      // The kernel forgets it when the user changes (fs.suid_dumpable, 2 where systemd keeps
      // cores).
      if (holdsSecrets(settings)) guardSecrets();
    }
    const proxy = await RunningProxy.start(options, observation.observer, sockets.take);
    for (const address of inherited.closeRest()) {
      log.warn(`the socket ${address} that was passed on is no listener's: it is closed`);
    }
    observation.accepts(proxy.engine);
    const manager = new ServiceManager(process.env);
    return {
      settings,
      log,
      lines,
      history,
      observer,
      observation,
      proxy,
      embedded,
      manager,
      admin,
    };
  } catch (error) {
    embedded.stop();
    await observation?.close(0);
    await admin?.stop();
    throw startError(error);
  }
}

/** As in nginx, whose logrotate configuration sends SIGUSR1. */
function reopen({ log, observation, settings }: Run): void {
  const target = settings.accessLog?.target ?? "none";
  if (typeof target === "string") {
    log.info(`SIGUSR1: no access log file to reopen (--access-log ${target})`);
    return;
  }
  log.info(`SIGUSR1: reopening access log ${target.path}`);
  observation.reopen();
}

function announce({ log, proxy, admin, settings: { account } }: Run): void {
  announceEngines(log, proxy.engine.inUse);
  for (const line of listeningLines(proxy.listeners, proxy.engine.inUse.length > 1)) log.info(line);
  if (admin !== null) log.info(adminLine(admin.address));
  if (account !== null) log.info(`running as user ${account.user}, without root's rights`);
  const demo = proxy.listeners.find(
    ({ options }) => options.upstreamInside && options.mode !== "oneway",
  );
  if (demo === undefined) return;
  for (const line of hints(demo.address)) log.info(line);
}

/**
 * Stops, and waits for the end of that.
 *
 * @param why who asked for it
 * @returns the signal that cut it short, if one did
 */
async function stop(
  current: Run,
  why: StopSignal | "admin API",
  signals: StopSignals,
): Promise<StopSignal | null> {
  const { log, proxy, observation, manager } = current;
  const { drainDelayMs = 0, drainTimeoutMs } = proxy.options;
  const next = signals.next();
  // Load balancers that watch /readyz send clients elsewhere meanwhile, so that none is refused.
  const hurried = drainDelayMs === 0 ? null : await leave(current, why, drainDelayMs, next);
  const runningAtStop = proxy.engine.stats().relays.running;
  const line = stoppingLine(why, runningAtStop, drainTimeoutMs);
  if (hurried === null) {
    log.info(line);
    manager.stopping(line);
  }
  let cut = 0;
  const stopped = proxy.stop(hurried === null ? drainTimeoutMs : 0).then((count) => {
    cut = count;
    return null;
  });
  const second = hurried ?? (await Promise.race([stopped, next]));
  // Counted before the log is flushed: a stop that does not wait cuts them meanwhile.
  const running = hurried === null ? proxy.engine.stats().relays.running : runningAtStop;
  signals.exitAtOnce();
  await observation.close(second === null ? FLUSH_MS : FLUSH_CUT_MS);
  current.observer.flush();
  const again = why === "admin API" ? "" : " again";
  if (second !== null)
    log.warn(`${second}${again}: not waiting for ${formatCounted(running, "relay")}`);
  else if (cut > 0) log.warn(`stopped: had to cut ${formatCounted(cut, "relay")}`);
  else log.info("stopped");
  return second;
}

/**
 * Keeps accepting for a while, although clients should go elsewhere.
 *
 * @param next the signal that ends that at once
 * @returns that signal, if it came
 */
async function leave(
  { log, proxy, manager }: Run,
  why: string,
  delayMs: number,
  next: Promise<StopSignal>,
): Promise<StopSignal | null> {
  proxy.leave();
  const line = `leaving: ${why}, no longer ready, accepting clients for ${formatDuration(delayMs)}; a second signal stops at once`;
  log.info(line);
  manager.stopping(line);
  return await Promise.race([Bun.sleep(delayMs).then(() => null), next]);
}

function stoppingLine(why: string, running: number, drainTimeoutMs: number): string {
  if (running === 0) return `stopping: ${why}, no relays running`;
  const relays = formatCounted(running, "relay");
  if (drainTimeoutMs === 0) return `stopping: ${why}, cutting ${relays}`;
  return `stopping: ${why}, waiting up to ${formatDuration(drainTimeoutMs)} for ${relays}; a second signal cuts the rest`;
}

/** @returns whether they could be written; if not, that was logged */
async function printStatistics(current: Run): Promise<boolean> {
  const { settings, log, lines, history, proxy } = current;
  const { stats: form, verbose } = settings;
  // The log may go to the same place, and statistics come last.
  await lines.flush(FLUSH_LOG_MS);
  if (form === "none") return true;
  const { engine } = proxy;
  const all = statistics(engine.stats(), history.list(), await engine.relays());
  const text = form === "json" ? renderJson(all) : renderText(all, verbose);
  // An access log on stdout must contain nothing else.
  const descriptor = settings.accessLog?.target === "stdout" ? 2 : 1;
  const code = await writeWhileRead(text, descriptor, FLUSH_MS);
  if (code !== null) {
    log.error(`the statistics could not be written: ${code}`);
    await lines.flush(FLUSH_LOG_MS);
  }
  return code === null;
}
