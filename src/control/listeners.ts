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

/** One that accepts, and what new relays of it get. */
interface Open extends Opened {
  options: ListenerOptions;
}

/** The listeners of a proxy that accept, by their keys. */
export class Listeners implements Part {
  private readonly open = new Map<string, Open>();
  /** Their keys, by the ports that they are on. */
  private readonly onPort = new Map<number, Set<string>>();

  /** @param engines which one carries a listener */
  constructor(
    private readonly ports: Pick<Ports, "listen">,
    private readonly engines: Pick<Engines, "carrierOf">,
  ) {}

  /** Where a listener really accepts; undefined when it does not. */
  addressOf(key: string): Address | undefined {
    return this.open.get(key)?.listening.address;
  }

  /** All addresses that a listener of a name is at; none when it does not accept. */
  placesOf(key: string): readonly Address[] {
    return this.open.get(key)?.places ?? [];
  }

  /** Wherever anything accepts. */
  get places(): Address[] {
    // Of a name all of its addresses are our own, also when it stands for others later.
    return Array.from(this.open.values(), ({ listening, places }) => [
      listening.address,
      ...places,
    ]).flat();
  }

  /**
   * Opens all that is new, or none; then those that are there are changed, and those that are wanted no more close.
   *
   * @throws ListenError when an address cannot be listened on
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
   * Until all workers know, upstreams that go must stay open: there would be none for who comes meanwhile.
   */
  stageChanges({ adopted }: Pick<Next, "adopted">): Stage {
    return { commit: () => this.bring(adopted), discard() {} };
  }

  /**
   * Closes those of a name; a reload opens them again.
   *
   * @param name what stories call them
   * @returns false when none of that name accepts
   */
  async drain(name: string): Promise<boolean> {
    const named = [...this.open].filter(
      ([, { options, listening }]) => nameOfListener(options, listening.address) === name,
    );
    await Promise.all(named.map(([key]) => this.close(key)));
    return named.length > 0;
  }

  /** Closes and updates all at once, and waits for them. */
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
    // Those that go close when all that is new is open.
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

  /** Where a listener of our own has the port the error says so: nobody else is to be looked for. */
  private withHolder(error: unknown, adopted: Next["adopted"]): unknown {
    if (!(error instanceof ListenError) || error.code !== "EADDRINUSE") return error;
    // Where sockets of ours may share a port it is somebody else, or has been told.
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
