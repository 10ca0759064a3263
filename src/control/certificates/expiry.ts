import { validityOf } from "../../config/certificate-pairs.ts";
import type { WantedListener } from "../../config/options.ts";
import type { Observer } from "../../relay/observer.ts";
import type { CertificatePair } from "../../transport/tls/server-options.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** A certificate is warned of when it has this many days left, and when it has expired. */
const WARNED_DAYS = [30, 7, 1, 0] as const;

/** A listener, as far as its certificates matter. */
interface Shown {
  /** Its name in the log. */
  readonly name: string;
  readonly options: Pick<WantedListener, "tls">;
}

/** A certificate that a listener shows. */
export interface CertificateView {
  /** The listener's name in the log. */
  readonly listener: string;
  /** The first of its names, or its file if it has none. */
  readonly name: string;
  /** All host names that it is shown for. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly validFrom: number;
  readonly expiresAt: number;
}

/** When each one is valid: it is asked for often, and reading it takes a while. */
const known = new WeakMap<CertificatePair, ReturnType<typeof validityOf>>();

function knownValidity(pair: CertificatePair): ReturnType<typeof validityOf> {
  const found = known.get(pair) ?? validityOf(pair.cert);
  known.set(pair, found);
  return found;
}

/** The certificates of listeners; of addresses with one name each is listed once. */
export function certificatesOf(listeners: readonly Shown[]): CertificateView[] {
  const seen = new Set<string>();
  return listeners.flatMap(({ name: listener, options }) => {
    if (options.tls === null || seen.has(listener)) return [];
    seen.add(listener);
    return options.tls.certificates.map((pair): CertificateView => {
      const { from: validFrom, until: expiresAt } = knownValidity(pair);
      const { files, names } = pair;
      return { listener, name: names[0] ?? files.cert, names, validFrom, expiresAt };
    });
  });
}

/** Warns of certificates that expire soon: of each once for each of some numbers of days. */
export class Expiry {
  /** The fewest days that were warned of, by certificate. */
  private told = new Map<string, number>();
  /** Before that there is nothing new; the listeners may be others at any time. */
  private nextAt = 0;
  private last: readonly unknown[] = [];

  constructor(
    private readonly listeners: () => readonly Shown[],
    private readonly observer: Observer,
    private readonly wall: () => number,
  ) {}

  /** Warns if it is time. Cheap, so that it may be called often. */
  look(): void {
    const listeners = this.listeners();
    const pairs = listeners.flatMap(({ options: { tls } }) => tls?.certificates ?? []);
    const now = this.wall();
    const isSame =
      pairs.length === this.last.length && pairs.every((one, index) => one === this.last[index]);
    if (isSame && now < this.nextAt) return;
    this.last = pairs;
    this.nextAt = Number.POSITIVE_INFINITY;
    const told = new Map<string, number>();
    for (const { name, options } of listeners) {
      for (const pair of options.tls?.certificates ?? []) {
        if (!told.has(pair.cert)) told.set(pair.cert, this.lookAt(pair, name, now));
      }
    }
    this.told = told;
  }

  /** @returns the fewest days that were warned of; Infinity for none */
  private lookAt(pair: CertificatePair, listener: string, now: number): number {
    const { until } = knownValidity(pair);
    const before = this.told.get(pair.cert);
    const isReached = (days: number) => now >= until - days * DAY_MS;
    const reached = WARNED_DAYS.findLast(isReached) ?? Number.POSITIVE_INFINITY;
    const next = WARNED_DAYS.find((days) => !isReached(days));
    if (next !== undefined) this.nextAt = Math.min(this.nextAt, until - next * DAY_MS);
    if (reached >= (before ?? Number.POSITIVE_INFINITY)) return before ?? reached;
    const name = pair.names[0] ?? pair.files.cert;
    // Of one that has expired before anybody was shown it, the start has warned.
    if (reached > 0 || before !== undefined) {
      this.observer.on({ event: "certificateExpiring", listener, name, until, now });
    }
    return reached;
  }
}
