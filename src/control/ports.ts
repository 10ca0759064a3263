import { formatAddress } from "../base/address.ts";
import type { Address, ListenerOptions } from "../config/options.ts";
import type { Engine, Listening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets, openPlaces } from "../engine/listening-socket.ts";
import { mayOverlap } from "../engine/overlap.ts";
import { encodeSockaddr } from "../system/sockaddr.ts";
import { askSystem } from "../upstream/names/resolver.ts";
import { JointListening } from "./joint-listening.ts";

/** Whether the listener of a key stays; undefined of one that is not open. */
type OpenListeners = Pick<ReadonlyMap<string, boolean>, "get">;

/** Takes what listens already on an address, if anything does. */
export type TakeSockets = (address: Address) => readonly GivenSockets[] | undefined;

/**
 * What this process listens on for its listeners, by their keys. Sockets are opened here, so that those
 * of one process may lie on one port, whatever the engine and however many workers it has.
 */
export class Ports {
  /** Addresses of sockets that others have opened, whose unix paths are theirs. */
  readonly passedOn = new Set<string>();
  private readonly places = new Map<string, readonly Address[]>();
  /** Who was ever somewhere on a port: there may be thousands of ports. */
  private readonly keysOn = new Map<number, Set<string>>();

  /** @param lookUp what the name of a listener stands for, for tests to replace */
  constructor(
    private readonly engine: Pick<Engine, "listen">,
    private readonly workers: number,
    private readonly inherited: TakeSockets,
    private readonly lookUp = askSystem,
  ) {}

  /** Where a listener really is; empty when that is not known. */
  placesOf(key: string): readonly Address[] {
    return this.places.get(key) ?? [];
  }

  /**
   * Lets the engine listen on all that an address stands for.
   *
   * @throws ListenError; then nothing listens
   */
  async listen(key: string, options: ListenerOptions, open: OpenListeners): Promise<Listening> {
    const { address } = options;
    const inherited = this.inherited(address);
    if (inherited?.some(({ areOwn }) => !areOwn)) this.passedOn.add(formatAddress(address));
    const given = inherited ?? (await this.open(options, open));
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
    this.note(key, places ?? [first.address]);
    return others.length === 0 ? first : new JointListening([first, ...others]);
  }

  private note(key: string, places: readonly Address[]): void {
    this.places.set(key, places);
    for (const place of places) {
      if (place.kind !== "tcp") continue;
      const keys = this.keysOn.get(place.port) ?? new Set();
      this.keysOn.set(place.port, keys.add(key));
    }
  }

  /** @returns undefined where the engine has to open sockets itself */
  private async open(
    options: ListenerOptions,
    open: OpenListeners,
  ): Promise<GivenSockets[] | undefined> {
    const { address } = options;
    if (process.platform !== "linux" || address.kind === "unix") return undefined;
    const isOurs = (wanted: Address) => {
      let overlaps = false;
      for (const key of this.keysOn.get(wanted.kind === "tcp" ? wanted.port : 0) ?? []) {
        const stays = open.get(key);
        if (stays === undefined) continue;
        const near = this.placesOf(key);
        overlaps ||= near.some((place) => mayOverlap(place, wanted));
        const twin = stays ? near.find((place) => isSame(place, wanted)) : undefined;
        if (twin !== undefined) throw inUse(wanted, twin);
      }
      return overlaps;
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
