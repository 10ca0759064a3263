import { statSync } from "node:fs";
import os from "node:os";
import { systemClock } from "../base/clock.ts";
import type { Machine } from "../base/reach.ts";
import { type InterfaceAddress, interfaceAddresses } from "./libc.ts";

/** Interfaces get addresses and lose them while a proxy runs (VRRP): what is known of them is no older. */
const FRESH_MS = 1_000;

/** The machine that this process runs on, as it is now. */
export class ThisMachine implements Machine {
  private known: ReadonlySet<string> = new Set();
  private knownUntil = 0;

  /** @param now in milliseconds; for tests */
  constructor(private readonly now = systemClock.now) {}

  get hosts(): ReadonlySet<string> {
    const now = this.now();
    if (now >= this.knownUntil) {
      this.known = new Set((interfaceAddresses() ?? fromBun()).flatMap(spellings));
      this.knownUntil = now + FRESH_MS;
    }
    return this.known;
  }

  socketAt(path: string): string | null {
    // An abstract one is its name, and nothing else.
    if (path.startsWith("\0")) return null;
    try {
      const { dev, ino } = statSync(path);
      return `${dev}:${ino}`;
    } catch {
      return null;
    }
  }
}

export const thisMachine: Machine = new ThisMachine();

/** A link-local address is one for each interface, which goes by its name or by its number. */
function spellings({ host, zones }: InterfaceAddress): string[] {
  return [host, ...zones.map((zone) => `${host}%${zone}`)];
}

/**
 * What Bun says: not of interfaces without a carrier. Nothing where the system does not say, as a sandbox may
 * refuse it; loopback addresses are known without.
 */
function fromBun(): InterfaceAddress[] {
  try {
    return Object.entries(os.networkInterfaces()).flatMap(([name, found = []]) =>
      found.map(({ address, scopeid }) => ({
        host: address,
        zones: scopeid ? [name, String(scopeid)] : [],
      })),
    );
  } catch {
    return [];
  }
}
