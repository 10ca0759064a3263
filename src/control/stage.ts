import { cleanUpInTurn, type LaterStep, throwAny } from "../base/clean-up.ts";
import type { ListenerOptions, ProxyOptions, WantedListener } from "../config/options.ts";
import type { Table } from "../config/table/setting.ts";
import { proxyTable } from "../config/table/table.ts";

/** What a part of a proxy has prepared for a reload. Exactly one method is called, once. */
export interface Stage {
  /** Applies it. Cannot fail: everything that can is done in the preparation. */
  commit(): void | Promise<void>;
  /** Drops it: everything is as it was before. */
  discard(): void | Promise<void>;
}

/** A part of a proxy that a start makes and a reload changes. */
export interface Part {
  /**
   * Prepares everything that can fail, such as reading files, taking rows and opening sockets,
   * without any effect on clients.
   *
   * @throws why it cannot; then nothing of it is left
   */
  stage(next: Next): Stage | Promise<Stage>;
}

/** The parts of a proxy in the order of preparation: each may need what earlier ones have made. */
export type Parts = Readonly<
  Record<
    | "certificates"
    | "engines"
    | "settings"
    | "sources"
    | "edges"
    | "own"
    | "services"
    | "upstreams"
    | "listening",
    Part
  >
>;

/** The options that only a restart changes, as the table of settings says. */
const fixed: ReadonlySet<string> = new Set([
  "uring",
  ...Object.values(proxyTable as Table)
    .filter(({ needsRestart }) => needsRestart === true)
    .map(({ at }) => at.split(".")[0] ?? ""),
]);

/** The wanted options, except that those which only a restart changes stay as they run. */
export function reloaded(wanted: ProxyOptions, running: ProxyOptions): ProxyOptions {
  const kept = Object.entries(running).filter(([name]) => fixed.has(name));
  return { ...wanted, ...Object.fromEntries(kept) };
}

/**
 * A configuration in preparation: what is wanted, and its listeners as the parts have made them.
 */
export class Next {
  /** By the edges: listeners with tables, and services as configured. */
  edged: readonly WantedListener[] = [];
  /** By the services: listeners with their services' members. */
  expanded: readonly ListenerOptions[] = [];
  /** By the upstreams: listeners for the engine, by key. */
  adopted: ReadonlyMap<string, ListenerOptions> = new Map();
  /** How many relays ended with removed upstreams. */
  relaysEnding = 0;

  constructor(readonly wanted: ProxyOptions) {}
}

/**
 * Prepares all of these parts in order, or none. Later parts build on earlier ones, so they are
 * committed or discarded first.
 *
 * @param mayGoOn called between any two parts; throws to give up
 * @returns all of them as one
 * @throws what the first failing part throws; the parts before it are discarded
 */
export async function stageAll(
  parts: Iterable<Part>,
  next: Next,
  mayGoOn: () => void = () => {},
): Promise<Stage> {
  return await allOrNothing(async (stages) => {
    mayGoOn();
    for (const part of parts) {
      stages.push(await part.stage(next));
      mayGoOn();
    }
  });
}

/**
 * Does all steps of some work, or none.
 *
 * @param work adds each step to `done` as soon as it is done
 * @returns all steps as one
 * @throws what the work throws; the steps before that are discarded
 */
export async function allOrNothing(work: (done: Stage[]) => Promise<void>): Promise<Stage> {
  const done: Stage[] = [];
  const each = (step: (stage: Stage) => LaterStep) => cleanUpInTurn(done.toReversed().map(step));
  const discard = () => each((stage) => () => stage.discard());
  try {
    await work(done);
  } catch (error) {
    throwAny([error, ...(await discard())]);
  }
  return {
    commit: async () => throwAny(await each((stage) => () => stage.commit())),
    discard: async () => throwAny(await discard()),
  };
}
