import { type Address, formatAddress } from "../base/address.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Engine, Listening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets, openPlaces } from "../engine/listening-socket.ts";
import { mayOverlap } from "../engine/overlap.ts";
import { encodeSockaddr } from "../system/sockaddr.ts";
import { askSystem } from "../upstream/names/resolver.ts";

/** Takes the inherited sockets of an address, if there are any. */
export type TakeSockets = (address: Address) => readonly GivenSockets[] | undefined;

/** An open listener. */
export interface Opened {
  readonly listening: Listening;
  /** All its addresses; a name may have several. */
  readonly places: readonly Address[];
  /** Another process opened its sockets, and owns the path of a unix socket. */
  readonly isPassedOn: boolean;
}

/** An open listener on the port of one that is about to open. */
export interface Neighbour extends Pick<Opened, "places"> {
  /** It stays open. */
  readonly stays: boolean;
}

/** Returns the listeners on a port. */
export type NeighboursOn = (port: number) => readonly Neighbour[];

/**
 * Opens the sockets of listeners. They are opened here, so that listeners of one process may share
 * a port, whatever the engine and the number of workers.
 */
export class Ports {
  /** @param lookUp resolves the name of a listener, for tests to replace */
  constructor(
    private readonly engine: Pick<Engine, "listen">,
    private readonly workers: number,
    private readonly inherited: TakeSockets,
    private readonly lookUp = askSystem,
  ) {}

  /**
   * Lets the engine listen on all addresses of a listener.
   *
   * @param near returns the open listeners on a port
   * @throws ListenError; then nothing is open
   */
  async listen(options: ListenerOptions, near: NeighboursOn): Promise<Opened> {
    const inherited = this.inherited(options.address);
    const given = inherited ?? (await this.open(options, near));
    const parts: Listening[] = [];
    try {
      for (const one of given ?? [undefined]) parts.push(await this.engine.listen(options, one));
    } catch (error) {
      // The engine has closed the sockets that it failed with.
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

  /** @returns undefined if the engine must open the sockets itself */
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
      // There is no C library to call, so the engine opens them its own way.
      return undefined;
    }
  }
}

/** A listener with several addresses, as one. All parts have the same options. */
class JointListening implements Listening {
  constructor(private readonly parts: readonly [Listening, ...Listening[]]) {}

  get address(): Address {
    return this.parts[0].address;
  }

  async update(options: ListenerOptions): Promise<void> {
    await Promise.all(this.parts.map((part) => part.update(options)));
  }

  async close(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.close()));
  }
}

function isSame(one: Address, other: Address): boolean {
  if (one.kind === "unix" || other.kind === "unix" || one.port === 0) return false;
  return Buffer.compare(encodeSockaddr(one), encodeSockaddr(other)) === 0;
}

/** Without this error, two listeners on the same address would each get some of its clients. */
function inUse(wanted: Address, held: Address): ListenError {
  const message = `cannot listen on ${formatAddress(wanted)}: EADDRINUSE`;
  const told = `${message}, by this proxy's own listener ${formatAddress(held)}`;
  return new ListenError(wanted, "EADDRINUSE", told, { address: held, isGoing: false });
}
