import { formatAddress } from "../base/address.ts";
import type { ListenerOptions } from "../config/options.ts";
import { ListenError } from "../engine/listen-error.ts";
import { type FileAccess, setSocketAccess, socketAccess } from "../system/file-access.ts";
import type { Stage } from "./stage.ts";

/**
 * Changes the permissions and the owner of a listener's unix socket.
 *
 * @throws ListenError if that fails; then they are as before
 */
export function stageAccess({ address, unix }: ListenerOptions): Stage {
  if (address.kind !== "unix") return { commit() {}, discard() {} };
  const { path } = address;
  let before: FileAccess | null = null;
  const discard = () => {
    if (before === null) return;
    try {
      setSocketAccess(path, before);
    } catch {
      // Somebody has removed the socket meanwhile.
    }
  };
  try {
    before = socketAccess(path);
    setSocketAccess(path, unix);
  } catch (error) {
    discard();
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ListenError(address, code, `cannot listen on ${formatAddress(address)}: ${code}`);
  }
  return { commit() {}, discard };
}
