import type { Values } from "../../counts/figure.ts";
import { MirrorCount, mirrorFigures } from "../../counts/figures.ts";
import { addOccurred, type Occurred, occurred } from "../../counts/occurred.ts";
import { MIRROR_NUMBERS, type MirrorPage, sharedNumbers } from "../ledger/page.ts";
import { type DropReason, dropReasons } from "./reason.ts";

/** What the copies of one listener's relays to one mirror have come to. Nothing here but `running` falls. */
export interface MirrorStats extends Values<typeof mirrorFigures> {
  /** As `RelaySummary.listener`. */
  listener: string;
  /** The mirror as it was configured. */
  mirror: string;
  /** How many were given up for which reason; only reasons that occurred. */
  dropped: Occurred<DropReason>;
}

/** Counts copies. Its size depends on the configuration only. Owner: an engine's {@link Copies}. */
export class MirrorAccount {
  /** What it counts, for whoever wants to read it. */
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

  /** Bytes were taken. */
  sent(bytes: number): void {
    this.add(MirrorCount.bytes, bytes);
  }

  /** A copy is given up. */
  drop(reason: DropReason): void {
    this.add(mirrorFigures.size + dropReasons.indexOf(reason), 1);
  }

  /** A copy is over. @param isWhole the mirror has all of it */
  ends(isWhole: boolean): void {
    this.add(MirrorCount.running, -1);
    if (isWhole) this.add(MirrorCount.completed, 1);
  }

  private add(place: number, count: number): void {
    (this.page.counts[place] as number) += count;
  }
}

/** What is on a page. */
export function mirrorStats({ listener, mirror, counts }: MirrorPage): MirrorStats {
  const dropped = occurred(dropReasons, counts, mirrorFigures.size);
  return { listener, mirror, ...mirrorFigures.read(counts), dropped };
}

/**
 * Whoever counted there is no more: what ran was given up by that. What was being closed still runs, too,
 * but why it was given up is counted already.
 */
export function closeMirror({ counts }: MirrorPage): void {
  let left = (counts[MirrorCount.begun] as number) - (counts[MirrorCount.completed] as number);
  for (const given of counts.subarray(mirrorFigures.size)) left -= given;
  const stopped = mirrorFigures.size + dropReasons.indexOf("stopped");
  (counts[stopped] as number) += left;
  counts[MirrorCount.running] = 0;
}

/** Adds what one engine has counted to what others have. */
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
