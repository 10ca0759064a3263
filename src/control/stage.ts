import { cleanUpInTurn, type LaterStep, throwAny } from "../base/clean-up.ts";
import type { ListenerOptions, ProxyOptions, WantedListener } from "../config/options.ts";

/** What a part of a proxy has prepared for a reload. One of both is called, once. */
export interface Stage {
  /** It holds from now on. It cannot fail: what can is done when it is prepared. */
  commit(): void | Promise<void>;
  /** It is not to be: everything is what it was before. */
  discard(): void | Promise<void>;
}

/** What a reload touches, and a start makes. */
export interface Part {
  /**
   * Prepares all that can fail, for clients of before to notice nothing: reads files, takes rows, opens sockets.
   *
   * @throws why it cannot be; then nothing of it is left
   */
  stage(next: Next): Stage | Promise<Stage>;
}

/**
 * Which parts take each of a proxy's options; null for what only a restart changes. An option that is missing
 * here is a type error, and so is a part of one that a proxy has not: see {@link Parts}.
 */
const takers = {
  listeners: ["engines", "sources", "edges", "own", "services", "upstreams", "listening"],
  totalRelays: ["edges"],
  reserved: ["own"],
  drainDelayMs: ["settings"],
  drainTimeoutMs: ["settings"],
  workers: null,
  memory: null,
  uring: null,
  dnsServers: null,
  dnsTtl: null,
  dnsAllow: null,
} as const satisfies Record<keyof ProxyOptions, readonly string[] | null>;

/** The parts of a proxy, in the order in which they are prepared: each may need what those before it make. */
export type Parts = Readonly<
  Record<NonNullable<(typeof takers)[keyof ProxyOptions]>[number], Part>
>;

/** These options, with what only a restart changes as it was. */
export function reloaded(wanted: ProxyOptions, running: ProxyOptions): ProxyOptions {
  const kept = Object.entries(running).filter(
    ([name]) => takers[name as keyof ProxyOptions] === null,
  );
  return { ...wanted, ...Object.fromEntries(kept) };
}

/** A configuration on its way: what is wanted, and what parts have made of its listeners so far. */
export class Next {
  /** With their edges, but services are still what was configured: made by the edges. */
  edged: readonly WantedListener[] = [];
  /** With their services' members: made by the services. */
  expanded: readonly ListenerOptions[] = [];
  /** For the engine, by their keys: made by the upstreams. */
  adopted: ReadonlyMap<string, ListenerOptions> = new Map();
  /** How many relays have ended with upstreams that went. */
  relaysEnding = 0;

  constructor(readonly wanted: ProxyOptions) {}
}

/**
 * Prepares all of these parts in their order, or none. What was prepared last stands on what was before, and is the
 * first to be committed, or to be taken back.
 *
 * @param mayGoOn asked between any two; throws when nothing is to be done any more
 * @returns all of them as one
 * @throws what the first part throws that cannot; those before it are taken back
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
 * Does some work in steps, or nothing.
 *
 * @param work puts each step that is done where the others are
 * @returns all of them as one
 * @throws what the work throws; what was done is taken back
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
