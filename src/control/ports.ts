import { type Address, formatAddress } from "../base/address.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Engine, Listening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets, openPlaces } from "../engine/listening-socket.ts";
import { mayOverlap } from "../engine/overlap.ts";
import { encodeSockaddr } from "../system/sockaddr.ts";

import { askSystem } from "../upstream/names/resolver.ts";
import { JointListening } from "./joint-listening.ts";

/** Takes what listens already on an address, if anything does. */
export type TakeSockets = (address: Address) => readonly GivenSockets[] | undefined;

/** A listener that accepts. */
export interface Opened {
  readonly listening: Listening;
  /** Where it really is, of a name each of its addresses. */
  readonly places: readonly Address[];
  /** Others have opened its sockets, whose unix path is theirs. */
  readonly isPassedOn: boolean;
}

/** One that accepts when another one is opened on its port. */
export interface Neighbour extends Pick<Opened, "places"> {
  /** It goes on accepting. */
  readonly stays: boolean;
}

/** There may be thousands of ports: who is on one is asked for each. */
export type NeighboursOn = (port: number) => readonly Neighbour[];

/**
 * Opens what this process listens on for its listeners. Sockets are opened here, so that those of one process
 * may lie on one port, whatever the engine and however many workers it has.
 */
export class Ports {
  /** @param lookUp what the name of a listener stands for, for tests to replace */
  constructor(
    private readonly engine: Pick<Engine, "listen">,
    private readonly workers: number,
    private readonly inherited: TakeSockets,
    private readonly lookUp = askSystem,
  ) {}

  /**
   * Lets the engine listen on all that an address stands for.
   *
   * @param near those that accept already somewhere on a port
   * @throws ListenError; then nothing listens
   */
  async listen(options: ListenerOptions, near: NeighboursOn): Promise<Opened> {
    const inherited = this.inherited(options.address);
    const given = inherited ?? (await this.open(options, near));
    const parts: Listening[] = [];
    try {
      for (const one of given ?? [undefined]) parts.push(await this.engine.listen(options, one));
    } catch (error) {
      // The engine has closed what it has failed with.
      closeAll(given?.slice(parts.length + 1) ?? []);
      await Promise.all(parts.map((part) => part.close()));
      throw error;
    }
    const [first, ...others] = parts as [Listening, ...Listening[]];
    const places = given?.map(({ place, sockets: [socket] }) => place ?? socket.address);
    return {
      listening: others.length === 0 ? first : new JointListening([first, ...others]),
      places: places ?? [first.address],
      isPassedOn: inherited?.some(({ areOwn }) => !areOwn) ?? false,
    };
  }

  /** @returns undefined where the engine has to open sockets itself */
  private async open(
    options: ListenerOptions,
    near: NeighboursOn,
  ): Promise<GivenSockets[] | undefined> {
    const { address } = options;
    if (process.platform !== "linux" || address.kind === "unix") return undefined;
    const isOurs = (wanted: Address) => {
      const own = near(wanted.kind === "tcp" ? wanted.port : 0).flatMap(({ places, stays }) =>
        places.map((place) => ({ place, stays })),
      );
      const twin = own.find(({ place, stays }) => stays && isSame(place, wanted));
      if (twin !== undefined) throw inUse(wanted, twin.place);
      return own.some(({ place }) => mayOverlap(place, wanted));
    };
    try {
      return await openPlaces(address, this.workers, isOurs, options, this.lookUp);
    } catch (error) {
      if (error instanceof ListenError) throw error;
      // There is no C library to ask: what the engine can do alone has to be enough.
      return undefined;
    }
  }
}

function isSame(one: Address, other: Address): boolean {
  if (one.kind === "unix" || other.kind === "unix" || one.port === 0) return false;
  return Buffer.compare(encodeSockaddr(one), encodeSockaddr(other)) === 0;
}

/** Two listeners on the very same address would each get some of its clients. */
function inUse(wanted: Address, held: Address): ListenError {
  const message = `cannot listen on ${formatAddress(wanted)}: EADDRINUSE`;
  const told = `${message}, by this proxy's own listener ${formatAddress(held)}`;
  return new ListenError(wanted, "EADDRINUSE", told, { address: held, isGoing: false });
}
