import { statSync } from "node:fs";
import os from "node:os";
import { systemClock } from "../base/clock.ts";
import type { Machine } from "../base/reach.ts";
import { type InterfaceAddress, interfaceAddresses } from "./libc.ts";

/**
 * Interfaces get and lose addresses while a proxy runs (VRRP), so they are read again after this
 * time.
 */
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
    // An abstract socket is identified by its name alone.
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

/** A link-local address exists once per interface, which is given by name or by number. */
function spellings({ host, zones }: InterfaceAddress): string[] {
  return [host, ...zones.map((zone) => `${host}%${zone}`)];
}

/**
 * What Bun knows, which lacks interfaces without a carrier. Empty if the system does not tell, as
 * in a sandbox; loopback addresses are known anyway.
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
