/** One thing that the uring engine, or one of its options, needs. */
export interface Check {
  /** What was checked, in a few words. */
  readonly name: string;
  /** What needs it: a part of the engine, or a flag. */
  readonly use: string;
  readonly ok: boolean;
  /** Without it the engine cannot run; otherwise it uses something else instead. */
  readonly needed: boolean;
  /** What was found, such as `Linux 6.18` or `EPERM`. */
  readonly found: string;
  /** What to do if it is missing, as a clause; otherwise empty. */
  readonly remedy: string;
}

/** What the running kernel's io_uring can do beyond the minimum. */
export interface UringFeatures {
  /** IORING_SETUP_SINGLE_ISSUER and DEFER_TASKRUN. Since 6.1. */
  readonly deferTaskrun: boolean;
  /** IORING_SETUP_COOP_TASKRUN. Since 5.19. */
  readonly coopTaskrun: boolean;
  /** Sends take buffers from a ring (IORING_FEAT_SEND_BUF_SELECT). Since 6.10. */
  readonly sendBufferSelect: boolean;
  /** One receive or send takes several buffers. Since 6.10. */
  readonly bundles: boolean;
  /** Buffers are filled incrementally (IOU_PBUF_RING_INC). Since 6.12. */
  readonly incremental: boolean;
  /** SEND_ZC and SENDMSG_ZC. Since 6.1. */
  readonly zeroCopy: boolean;
  /** IORING_REGISTER_NAPI. Since 6.9, if the kernel was built with busy polling. */
  readonly napi: boolean;
  /** Waits with a lower bound. Since 6.12. */
  readonly minTimeout: boolean;
  /** Huge pages that are reserved and free now. */
  readonly freeHugePages: number;
}

/** Whether io_uring can run here, what it can do, and what to do if it cannot. */
export interface UringReport {
  /** The kernel's release, such as `6.18.2-amd64`; empty if this is not Linux. */
  readonly release: string;
  /** The first failed one causes the later ones that depend on it. */
  readonly checks: readonly Check[];
  readonly features: UringFeatures;
}

/** The first needed thing that is missing; null if the engine can run. */
export function obstacle(report: UringReport): Check | null {
  return report.checks.find(({ ok, needed }) => needed && !ok) ?? null;
}

/** The part of a release that decides what a kernel can do: `6.18`. */
export function shortRelease(release: string): string {
  return /^\d+\.\d+/.exec(release)?.[0] ?? release;
}
