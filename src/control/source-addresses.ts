import { ConfigError } from "../base/error.ts";
import type { WantedListener } from "../config/options.ts";
import { bindSocket, closeNow, Errno, openSocket } from "../system/linux.ts";
import { thisMachine } from "../system/machine.ts";
import { encodeSockaddr } from "../system/sockaddr.ts";
import type { Part } from "./stage.ts";

/**
 * Refuses source addresses that this machine does not have: dials from them would get no answer.
 */
export const sources: Part = {
  stage({ wanted }) {
    refuseForeignSources(wanted.listeners);
    return { commit() {}, discard() {} };
  },
};

/** @throws ConfigError */
function refuseForeignSources(listeners: readonly WantedListener[]): void {
  const all = new Set(listeners.flatMap(({ sourceAddresses }) => sourceAddresses));
  const foreign = [...all].filter((host) => !isOurs(host));
  if (foreign.length === 0) return;
  throw new ConfigError(
    foreign.map((host) => `source address ${host}: this machine does not have it`),
  );
}

/** On Linux, asks the kernel, which may also allow foreign addresses (`ip_nonlocal_bind`). */
function isOurs(host: string): boolean {
  if (process.platform !== "linux") return thisMachine.hosts.has(host);
  const address = encodeSockaddr({ kind: "tcp", host, port: 0 });
  const descriptor = openSocket(address[0] as number);
  // Without a descriptor ringway cannot ask, and assumes the address is fine.
  if (descriptor < 0) return descriptor !== -Errno.EAFNOSUPPORT;
  const result = bindSocket(descriptor, address);
  closeNow(descriptor);
  return result >= 0;
}
