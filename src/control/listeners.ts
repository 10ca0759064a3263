import { type Address, formatAddress } from "../base/address.ts";
import { throwAny } from "../base/clean-up.ts";
import type { ListenerOptions } from "../config/options.ts";
import { ListenError } from "../engine/listen-error.ts";
import { mayOverlap } from "../engine/overlap.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import type { Engines } from "./engines.ts";
import type { Opened, Ports } from "./ports.ts";
import { allOrNothing, type Next, type Part, type Stage } from "./stage.ts";
import { stageAccess } from "./unix-access.ts";

/** An open listener, and the options of its new relays. */
interface Open extends Opened {
  options: ListenerOptions;
}

/** The open listeners of a proxy, by their keys. */
export class Listeners implements Part {
  private readonly open = new Map<string, Open>();
  /** Their keys, by port. */
  private readonly onPort = new Map<number, Set<string>>();

  /** @param engines which one carries a listener */
  constructor(
    private readonly ports: Pick<Ports, "listen">,
    private readonly engines: Pick<Engines, "carrierOf">,
  ) {}

  /** The address on which a listener accepts; undefined if it is closed. */
  addressOf(key: string): Address | undefined {
    return this.open.get(key)?.listening.address;
  }

  /** All addresses of a listener (a name may have several); empty if it is closed. */
  placesOf(key: string): readonly Address[] {
    return this.open.get(key)?.places ?? [];
  }

  /** All addresses on which a listener accepts. */
  get places(): Address[] {
    // They stay ours even if a name stands for others later.
    return Array.from(this.open.values(), ({ listening, places }) => [
      listening.address,
      ...places,
    ]).flat();
  }

  /**
   * Opens all new listeners, or none. The commit updates those that stay and closes the others.
   *
   * @throws ListenError if one cannot be opened
   */
  stage({ adopted }: Next): Promise<Stage> {
    return allOrNothing(async (stages) => {
      stages.push(this.stageChanges({ adopted }));
      const there = new Map(this.open);
      for (const [key, options] of adopted) {
        if (there.has(key)) continue;
        await this.listen(key, options, adopted);
        stages.push({ commit() {}, discard: () => this.close(key) });
      }
      for (const [key, { options, isPassedOn }] of there) {
        const wanted = adopted.get(key);
        if (wanted === undefined || isPassedOn) continue;
        if (!Bun.deepEquals(options.unix, wanted.unix, true)) stages.push(stageAccess(wanted));
      }
      await this.moveAll(adopted, stages);
    });
  }

  /**
   * Moves those that another engine is to carry. Last, as clients notice it: they get their new
   * options from then on.
   */
  private async moveAll(adopted: Next["adopted"], stages: Stage[]): Promise<void> {
    const { engines } = this;
    for (const [key, { options, listening }] of this.open) {
      const wanted = adopted.get(key);
      if (wanted === undefined) continue;
      if (engines.carrierOf(options) === engines.carrierOf(wanted)) continue;
      // Of a name one of several addresses may fail.
      stages.push({ commit() {}, discard: () => listening.update(options) });
      await listening.update(wanted);
    }
  }

  /**
   * The same without opening any.
   *
   * Removed upstreams must stay open until all workers know, or clients would find none meanwhile.
   */
  stageChanges({ adopted }: Pick<Next, "adopted">): Stage {
    return { commit: () => this.bring(adopted), discard() {} };
  }

  /**
   * Closes the listeners of a name; a reload opens them again.
   *
   * @param name their name in the log
   * @returns false if none of that name is open
   */
  async drain(name: string): Promise<boolean> {
    const named = [...this.open].filter(
      ([, { options, listening }]) => nameOfListener(options, listening.address) === name,
    );
    await Promise.all(named.map(([key]) => this.close(key)));
    return named.length > 0;
  }

  /** Closes and updates listeners in parallel, and waits for all of them. */
  private async bring(adopted: Next["adopted"]): Promise<void> {
    const all = Array.from(this.open, async ([key, one]) => {
      const options = adopted.get(key);
      if (options === undefined) return await this.close(key);
      if (Bun.deepEquals(one.options, options, true)) return;
      one.options = options;
      await one.listening.update(options);
    });
    const outcomes = await Promise.allSettled(all);
    throwAny(outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : [])));
  }

  private async close(key: string): Promise<void> {
    const one = this.open.get(key);
    this.open.delete(key);
    for (const port of portsOf(one)) {
      const keys = this.onPort.get(port);
      keys?.delete(key);
      if (keys?.size === 0) this.onPort.delete(port);
    }
    await one?.listening.close();
  }

  private async listen(
    key: string,
    options: ListenerOptions,
    adopted: Next["adopted"],
  ): Promise<void> {
    // Old listeners close only after all new ones are open.
    const near = (port: number) =>
      Array.from(this.onPort.get(port) ?? [], (one) => ({
        places: this.placesOf(one),
        stays: adopted.has(one),
      }));
    try {
      const opened = { ...(await this.ports.listen(options, near)), options };
      this.open.set(key, opened);
      for (const port of portsOf(opened)) {
        this.onPort.set(port, (this.onPort.get(port) ?? new Set()).add(key));
      }
    } catch (error) {
      throw this.withHolder(error, adopted);
    }
  }

  /** Adds to an error that one of our own listeners has the port. */
  private withHolder(error: unknown, adopted: Next["adopted"]): unknown {
    if (!(error instanceof ListenError) || error.code !== "EADDRINUSE") return error;
    // On Linux our sockets can share a port: another process has it, or the error names our
    // listener.
    if (process.platform === "linux") return error;
    const { address, code, message } = error;
    for (const [key, { listening }] of this.open) {
      const held = listening.address;
      if (!mayOverlap(held, address)) continue;
      const told = `${message}, by this proxy's own listener ${formatAddress(held)}`;
      return new ListenError(address, code, told, { address: held, isGoing: !adopted.has(key) });
    }
    return error;
  }
}

function portsOf(one: Opened | undefined): Set<number> {
  return new Set(one?.places.flatMap((place) => (place.kind === "tcp" ? place.port : [])));
}
