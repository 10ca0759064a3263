import { ValkeyCount } from "../../../counts/figures.ts";
import { writeError } from "../../../resp/write.ts";
import type { ListenerFigures } from "./listener-figures.ts";

/** The reply with a text of `errors.ts`, which is counted as ringway's own. */
export function ownError(text: string, figures: ListenerFigures): Uint8Array {
  figures.add(ValkeyCount.ownErrors);
  return writeError(text);
}
