import type { Values } from "../../counts/figure.ts";
import { MirrorCount, mirrorFigures } from "../../counts/figures.ts";
import { addOccurred, type Occurred, occurred } from "../../counts/occurred.ts";
import { MIRROR_NUMBERS, type MirrorPage, sharedNumbers } from "../ledger/page.ts";
import { type DropReason, dropReasons } from "./reason.ts";

/** The figures of a listener's copies to one mirror. Only `running` ever falls. */
export interface MirrorStats extends Values<typeof mirrorFigures> {
  /** As `RelaySummary.listener`. */
  listener: string;
  /** The mirror as it was configured. */
  mirror: string;
  /** How many copies were given up for each reason; only reasons that occurred. */
  dropped: Occurred<DropReason>;
}

/** Counts copies. Owner: an engine's {@link Copies}. */
export class MirrorAccount {
  readonly page: MirrorPage;

  constructor(
    readonly listener: string,
    readonly mirror: string,
  ) {
    this.page = { kind: "mirror", listener, mirror, counts: sharedNumbers(MIRROR_NUMBERS) };
  }

  /** A relay is to be copied. */
  begins(): void {
    this.add(MirrorCount.begun, 1);
    this.add(MirrorCount.running, 1);
  }

  /** The mirror has taken bytes. */
  sent(bytes: number): void {
    this.add(MirrorCount.bytes, bytes);
  }

  /** A copy was given up. */
  drop(reason: DropReason): void {
    this.add(mirrorFigures.size + dropReasons.indexOf(reason), 1);
  }

  /** A copy is over. @param isWhole whether the mirror got all of it */
  ends(isWhole: boolean): void {
    this.add(MirrorCount.running, -1);
    if (isWhole) this.add(MirrorCount.completed, 1);
  }

  private add(place: number, count: number): void {
    (this.page.counts[place] as number) += count;
  }
}

/** The figures on a page. */
export function mirrorStats({ listener, mirror, counts }: MirrorPage): MirrorStats {
  const dropped = occurred(dropReasons, counts, mirrorFigures.size);
  return { listener, mirror, ...mirrorFigures.read(counts), dropped };
}

/**
 * The engine that counted on a page has died: counts the running copies as given up. Copies that
 * were being closed count as running, but their reasons are already counted.
 */
export function closeMirror({ counts }: MirrorPage): void {
  let left = (counts[MirrorCount.begun] as number) - (counts[MirrorCount.completed] as number);
  for (const given of counts.subarray(mirrorFigures.size)) left -= given;
  const stopped = mirrorFigures.size + dropReasons.indexOf("stopped");
  (counts[stopped] as number) += left;
  counts[MirrorCount.running] = 0;
}

/** Adds one engine's figures to those of others. */
export function addMirror(all: MirrorStats[], part: MirrorStats): void {
  const known = all.find(
    ({ listener, mirror }) => listener === part.listener && mirror === part.mirror,
  );
  if (known === undefined) {
    all.push({ ...part, dropped: { ...part.dropped } });
    return;
  }
  mirrorFigures.add(known, part);
  addOccurred(known.dropped, part.dropped);
}
