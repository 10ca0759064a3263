/** What matters about an upstream when ringway decides whether enough of them are open. */
export interface OpenState {
  /** Its share of the traffic, at least 0. */
  readonly weight: number;
  /** Its health allows new relays. */
  readonly isOpen: boolean;
}

/**
 * Whether so few of a listener's upstreams are open that all are treated as open.
 *
 * If most of them seem unwell, the checks are more likely to be wrong (a network cut, or checks
 * that ask too much) than all upstreams to be down; and the traffic of all would crush the few that
 * are left. This rule also means that the only upstream of a listener is always tried.
 *
 * @param thresholdPercent 0…100: panic if less than this share of the weight is open; 0: never
 */
export function isPanic(upstreams: readonly OpenState[], thresholdPercent: number): boolean {
  let open = 0;
  let all = 0;
  for (const { weight, isOpen } of upstreams) {
    all += weight;
    if (isOpen) open += weight;
  }
  // Without any weight there is nothing to open.
  return all > 0 && open * 100 < all * thresholdPercent;
}

/** Tracks whether a listener's upstreams are in panic, so that each change is reported once. */
export class PanicWatch {
  /** All upstreams are treated as open. Only {@link update} changes it. */
  isOn = false;

  /** @param thresholdPercent see {@link isPanic}; a reload may change it */
  constructor(public thresholdPercent: number) {}

  /** Looks at the upstreams again. @returns what has changed; null: nothing */
  update(upstreams: readonly OpenState[]): "entered" | "left" | null {
    const was = this.isOn;
    this.isOn = isPanic(upstreams, this.thresholdPercent);
    if (was === this.isOn) return null;
    return this.isOn ? "entered" : "left";
  }
}
