import type { Address } from "./options.ts";

/** The address as a person writes it: `host:port`, `[::1]:port` or `unix:/path`. */
export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path.replace("\0", "@")}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
