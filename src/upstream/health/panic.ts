/** What of an upstream matters for the question whether there are enough of them. */
export interface OpenState {
  /** Its part of the traffic, at least 0. */
  readonly weight: number;
  /** New relays may go there, as far as its health is concerned. */
  readonly isOpen: boolean;
}

/**
 * Whether so few of a listener's upstreams are open that all are to be treated as open.
 *
 * When most of them seem unwell, it is more likely that the checks err (a network that is cut, checks
 * that ask too much) than that all are; and the few that are left would be crushed by the traffic of
 * all. It also means that the only upstream of a listener is always tried.
 *
 * @param thresholdPercent 0…100: panic when less than this part of the weight is open; 0: never
 */
export function isPanic(upstreams: readonly OpenState[], thresholdPercent: number): boolean {
  let open = 0;
  let all = 0;
  for (const { weight, isOpen } of upstreams) {
    all += weight;
    if (isOpen) open += weight;
  }
  // Without any weight there is nothing that could be opened.
  return all > 0 && open * 100 < all * thresholdPercent;
}

/** Remembers whether a listener's upstreams are in panic, so that it is told once when that changes. */
export class PanicWatch {
  private isOnNow = false;

  /** @param thresholdPercent as for {@link isPanic}; another one after a reload */
  constructor(public thresholdPercent: number) {}

  /** All upstreams are to be treated as open. */
  get isOn(): boolean {
    return this.isOnNow;
  }

  /** Looks at the upstreams again. @returns what is to be told, null for nothing */
  update(upstreams: readonly OpenState[]): "entered" | "left" | null {
    const was = this.isOnNow;
    this.isOnNow = isPanic(upstreams, this.thresholdPercent);
    if (was === this.isOnNow) return null;
    return this.isOnNow ? "entered" : "left";
  }
}
