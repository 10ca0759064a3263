/** One thing that the uring engine needs, or that one of its options does. */
export interface Check {
  /** What was looked at, in a few words. */
  readonly name: string;
  /** What it is for: what the engine does with it, or the flag that asks for it. */
  readonly use: string;
  readonly ok: boolean;
  /** Without it the engine cannot run; otherwise something else is used instead. */
  readonly needed: boolean;
  /** What is there, such as `Linux 6.18` or `EPERM`. */
  readonly found: string;
  /** What to do when it is missing, as a clause; empty when it is there. */
  readonly remedy: string;
}

/** What the running kernel's io_uring can do beyond what is needed. */
export interface UringFeatures {
  /** IORING_SETUP_SINGLE_ISSUER and DEFER_TASKRUN. Since 6.1. */
  readonly deferTaskrun: boolean;
  /** IORING_SETUP_COOP_TASKRUN. Since 5.19. */
  readonly coopTaskrun: boolean;
  /** Sends take buffers from a ring (IORING_FEAT_SEND_BUF_SELECT). Since 6.10. */
  readonly sendBufferSelect: boolean;
  /** One receive or send takes several buffers. Since 6.10. */
  readonly bundles: boolean;
  /** Buffers are filled bit by bit (IOU_PBUF_RING_INC). Since 6.12. */
  readonly incremental: boolean;
  /** SEND_ZC and SENDMSG_ZC. Since 6.1. */
  readonly zeroCopy: boolean;
  /** IORING_REGISTER_NAPI. Since 6.9, where the kernel was built with busy polling. */
  readonly napi: boolean;
  /** Waits with a lower bound. Since 6.12. */
  readonly minTimeout: boolean;
  /** Huge pages that are set aside and free now. */
  readonly freeHugePages: number;
}

/** Whether io_uring can run here, what it can do, and what to do where it cannot. */
export interface UringReport {
  /** The kernel's release such as `6.18.2-amd64`; empty when this is no Linux. */
  readonly release: string;
  /** The first that failed is the cause of those after it that depend on it. */
  readonly checks: readonly Check[];
  readonly features: UringFeatures;
}

/** The first needed thing that is missing, or null when the engine can run. */
export function obstacle(report: UringReport): Check | null {
  return report.checks.find(({ ok, needed }) => needed && !ok) ?? null;
}

/** The two numbers of a release that say what a kernel can do: `6.18`. */
export function shortRelease(release: string): string {
  return /^\d+\.\d+/.exec(release)?.[0] ?? release;
}
