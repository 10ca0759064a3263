import type { Address } from "../base/address.ts";
import { needsEmbedded, type Settings } from "../config/validate.ts";
import type { EmbeddedUpstream } from "../embedded/server.ts";
import { StartError } from "./start-error.ts";

/** The embedded upstream, started when some listener needs it; then it stays until the end. */
export class Embedded {
  private upstream: EmbeddedUpstream | null = null;

  /**
   * Where it is, for listeners without upstreams.
   *
   * @returns nothing when there is no such listener
   * @throws StartError when it cannot listen
   */
  async addressesFor(settings: Settings): Promise<readonly Address[]> {
    if (!settings.listeners.some(needsEmbedded)) return [];
    this.upstream ??= await start();
    return [addressOf(this.upstream)];
  }

  /** Where it is, if it was started. */
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
