import type { UringOptions } from "../../config/options.ts";
import { SetupFlag } from "./abi.ts";

/** How the ring of a worker is made. */
export function ringFlags({ taskrun, sqPollIdleMs }: UringOptions): number {
  const always = SetupFlag.SingleIssuer | SetupFlag.SubmitAll | SetupFlag.NoSqArray;
  // The polling thread does all the work, so that there is none to put off.
  if (sqPollIdleMs > 0) return always | SetupFlag.SqPoll;
  const when = taskrun === "defer" ? SetupFlag.DeferTaskrun : SetupFlag.CoopTaskrun;
  return always | SetupFlag.TaskrunFlag | when;
}
