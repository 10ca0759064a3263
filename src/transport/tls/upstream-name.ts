import type { Address } from "../../base/address.ts";
import type { TlsClientOptions } from "./client-options.ts";

/**
 * The name that an upstream's certificate must be issued for. A unix socket has none, and is on this machine.
 *
 * @param address as it was configured
 */
export function upstreamName(
  { serverName }: Pick<TlsClientOptions, "serverName">,
  address: Address,
): string {
  const name = serverName ?? (address.kind === "unix" ? "localhost" : address.host);
  return name.replace(/\.$/, "");
}
