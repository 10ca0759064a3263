import type { Address } from "../base/address.ts";
import { needsEmbedded, type Settings } from "../config/validate.ts";
import type { EmbeddedUpstream } from "../embedded/server.ts";
import { StartError } from "./start-error.ts";

/** The embedded upstream. It starts when a listener needs it, and stays until the end. */
export class Embedded {
  private upstream: EmbeddedUpstream | null = null;

  /**
   * Returns its address, for listeners without upstreams.
   *
   * @returns an empty list if there is no such listener
   * @throws StartError if it cannot listen
   */
  async addressesFor(settings: Settings): Promise<readonly Address[]> {
    if (!settings.listeners.some(needsEmbedded)) return [];
    this.upstream ??= await start();
    return [addressOf(this.upstream)];
  }

  /** Its address, if it was started. */
  get addresses(): readonly Address[] {
    return this.upstream === null ? [] : [addressOf(this.upstream)];
  }

  stop(): void {
    this.upstream?.stop();
  }
}

async function start(): Promise<EmbeddedUpstream> {
  const { startEmbeddedUpstream } = await import("../embedded/server.ts");
  try {
    return startEmbeddedUpstream({ hostname: "127.0.0.1", port: 0 });
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    throw new StartError(`the demo upstream cannot listen on 127.0.0.1: ${code}`);
  }
}

function addressOf({ address }: EmbeddedUpstream): Address {
  if ("unix" in address) return { kind: "unix", path: address.unix };
  return { kind: "tcp", host: address.hostname, port: address.port };
}
