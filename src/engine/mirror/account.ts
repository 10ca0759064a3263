import { MIRROR_NUMBERS, MirrorCount, type MirrorPage, sharedNumbers } from "../pages.ts";
import { type DropReason, dropReasons } from "./reason.ts";

/** What the copies of one listener's relays to one mirror have come to. Nothing here but `running` falls. */
export interface MirrorStats {
  /** As `RelaySummary.listener`. */
  listener: string;
  /** The mirror as it was configured. */
  mirror: string;
  /** Relays that were to be copied: `begun = running + completed + all of dropped`. */
  begun: number;
  /** Copies that are under way, those included whose relay is over. */
  running: number;
  /** Copies of which the mirror has everything. */
  completed: number;
  /** How many were given up for which reason; only reasons that occurred. */
  dropped: Partial<Record<DropReason, number>>;
  /** Bytes that the mirror's kernel, or ours, has taken. */
  bytes: number;
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
    this.add(MirrorCount.Begun, 1);
    this.add(MirrorCount.Running, 1);
  }

  /** Bytes were taken. */
  sent(bytes: number): void {
    this.add(MirrorCount.Bytes, bytes);
  }

  /** A copy is given up. */
  drop(reason: DropReason): void {
    this.add(MirrorCount.Reasons + dropReasons.indexOf(reason), 1);
  }

  /** A copy is over. @param isWhole the mirror has all of it */
  ends(isWhole: boolean): void {
    this.add(MirrorCount.Running, -1);
    if (isWhole) this.add(MirrorCount.Completed, 1);
  }

  private add(place: number, count: number): void {
    (this.page.counts[place] as number) += count;
  }
}

/** What is on a page. */
export function mirrorStats({ listener, mirror, counts }: MirrorPage): MirrorStats {
  const dropped: Partial<Record<DropReason, number>> = {};
  for (const [index, reason] of dropReasons.entries()) {
    const count = counts[MirrorCount.Reasons + index] as number;
    if (count > 0) dropped[reason] = count;
  }
  return {
    listener,
    mirror,
    begun: counts[MirrorCount.Begun] as number,
    running: counts[MirrorCount.Running] as number,
    completed: counts[MirrorCount.Completed] as number,
    dropped,
    bytes: counts[MirrorCount.Bytes] as number,
  };
}

/**
 * Whoever counted there is no more: what ran was given up by that. What was being closed still runs, too,
 * but why it was given up is counted already.
 */
export function closeMirror({ counts }: MirrorPage): void {
  let left = (counts[MirrorCount.Begun] as number) - (counts[MirrorCount.Completed] as number);
  for (const given of counts.subarray(MirrorCount.Reasons)) left -= given;
  const stopped = MirrorCount.Reasons + dropReasons.indexOf("stopped");
  (counts[stopped] as number) += left;
  counts[MirrorCount.Running] = 0;
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
  known.begun += part.begun;
  known.running += part.running;
  known.completed += part.completed;
  known.bytes += part.bytes;
  for (const [reason, count] of Object.entries(part.dropped) as [DropReason, number][]) {
    known.dropped[reason] = (known.dropped[reason] ?? 0) + count;
  }
}
