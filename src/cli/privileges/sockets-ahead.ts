import { type Address, formatAddress } from "../../base/address.ts";
import type { ProxyOptions, WantedListener } from "../../config/options.ts";
import type { TakeSockets } from "../../control/proxy.ts";
import { closeAll, type GivenSockets, openPlaces } from "../../engine/listening-socket.ts";
import { mayOverlap } from "../../engine/overlap.ts";

/**
 * Sockets of all listeners, opened before anything accepts: workers start when this
 * process may no longer open them. Linux only.
 */
export class SocketsAhead {
  /** Several listeners may have the same address, for example with port 0. */
  private readonly opened = new Map<string, (readonly GivenSockets[])[]>();

  private constructor(private readonly passedOn: TakeSockets) {}

  /**
   * Opens the sockets.
   *
   * @param passedOn inherited sockets, which are used instead
   * @throws ListenError if one cannot be opened; then none is
   */
  static async open(
    { listeners, workers }: Pick<ProxyOptions, "listeners" | "workers">,
    passedOn: TakeSockets,
  ): Promise<SocketsAhead> {
    const ahead = new SocketsAhead(passedOn);
    try {
      for (const one of listeners) await ahead.add(one, workers);
    } catch (error) {
      ahead.close();
      throw error;
    }
    return ahead;
  }

  /** Hands out the sockets of an address, once. */
  readonly take: TakeSockets = (address) =>
    this.opened.get(formatAddress(address))?.shift() ?? this.passedOn(address);

  private async add(options: WantedListener, workers: number): Promise<void> {
    const { address } = options;
    const key = formatAddress(address);
    const those = this.opened.get(key) ?? [];
    this.opened.set(key, those);
    const given = this.passedOn(address);
    if (given !== undefined) {
      those.push(given);
      return;
    }
    const open = [...this.opened.values()].flat(2).filter(({ areOwn }) => areOwn);
    const isOurs = (place: Address) =>
      open.some((one) => mayOverlap(one.place ?? one.sockets[0].address, place));
    those.push(await openPlaces(address, workers, isOurs, options));
  }

  private close(): void {
    closeAll([...this.opened.values()].flat(2));
    this.opened.clear();
  }
}
