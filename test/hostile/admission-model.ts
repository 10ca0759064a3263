import type { Reason } from "../../src/base/reason.ts";
import { headerV2, ipv4Addresses, longPaths } from "./headers.ts";

/** Somebody who may connect, or be named: what rules and limits tell apart of an address. */
export interface Host {
  readonly host: string;
  /** What counts as the same client, and as the same network. */
  readonly client: string;
  readonly network: string;
  /** The one of {@link networks} that it is in. */
  readonly within: string;
}

/** The networks of access rules and of believed proxies. */
export const networks = ["10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"] as const;

export const hosts: readonly Host[] = [
  { host: "10.0.0.1", client: "10.0.0.1", network: "10.0.0", within: "10.0.0.0/8" },
  { host: "::ffff:10.0.0.1", client: "10.0.0.1", network: "10.0.0", within: "10.0.0.0/8" },
  { host: "10.0.0.2", client: "10.0.0.2", network: "10.0.0", within: "10.0.0.0/8" },
  { host: "10.0.9.1", client: "10.0.9.1", network: "10.0.9", within: "10.0.0.0/8" },
  { host: "127.0.0.1", client: "127.0.0.1", network: "127.0.0", within: "127.0.0.0/8" },
  { host: "2001:db8:1:1::1", client: "2001:db8:1:1", network: "2001:db8:1", within: networks[2] },
  { host: "2001:db8:1:1::2", client: "2001:db8:1:1", network: "2001:db8:1", within: networks[2] },
  { host: "2001:db8:1:2::1", client: "2001:db8:1:2", network: "2001:db8:1", within: networks[2] },
];

/** A stream's beginning where a PROXY header may be. */
export interface Words {
  readonly name: string;
  readonly bytes: Buffer;
  /** Bytes until it could have been no header at all, and until it is decided what it is. */
  readonly signature: number;
  readonly decided: number;
  /** Whom it names; nobody: a header that says less than is known; none: no header; wrong: a bad one. */
  readonly means: Host | "nobody" | "none" | "wrong";
}

function version1(line: string, means: Words["means"]): Words {
  const bytes = Buffer.from(`PROXY ${line}\r\n`);
  return { name: line, bytes, signature: 6, decided: bytes.length, means };
}

function version2(name: string, bytes: Buffer, means: Words["means"], decided?: number): Words {
  return { name, bytes, signature: 12, decided: decided ?? bytes.length, means };
}

const ten = hosts[0] as Host;
const loopback = hosts[4] as Host;
const [six = ten, sixToo = ten] = hosts.slice(5);
const v4 = (family: number) => headerV2(0x21, family, ipv4Addresses(10, 0, 0, 1));

/** Every kind of beginning: right ones, ones that name nobody, wrong ones and none. */
export const beginnings: readonly Words[] = [
  version1("TCP4 10.0.0.1 192.0.2.1 4711 80", ten),
  version1("TCP4 127.0.0.1 192.0.2.1 4711 80", loopback),
  version1("TCP6 2001:db8:1:1::1 ::1 4711 80", six),
  version1("TCP6 2001:db8:1:1::2 ::1 4711 80", sixToo),
  version2("IPv4 stream", v4(0x11), ten),
  version2("IPv4 datagram", v4(0x12), ten),
  version1("UNKNOWN", "nobody"),
  version1("UNKNOWN 10.0.0.1 192.0.2.1 4711 80", "nobody"),
  version2("LOCAL", headerV2(0x20, 0x00), "nobody"),
  version2("LOCAL of somebody", headerV2(0x20, 0x11, ipv4Addresses(10, 0, 0, 1)), "nobody"),
  version2("no family", headerV2(0x21, 0x00), "nobody"),
  version2("IPv4 without a transport", v4(0x10), "nobody"),
  version2("unix stream", headerV2(0x21, 0x31, longPaths), "nobody"),
  version2("unix datagram", headerV2(0x21, 0x32, longPaths), "nobody"),
  version1("TCP4 10.0.0.1 192.0.2.1 4711", "wrong"),
  version1("UNIX /tmp/a /tmp/b 0 0", "wrong"),
  version1("TCP4 10.0.0.256 192.0.2.1 4711 80", "wrong"),
  version2("version 3", headerV2(0x31, 0x11, ipv4Addresses(10, 0, 0, 1)), "wrong", 16),
  version2("command 2", headerV2(0x22, 0x11, ipv4Addresses(10, 0, 0, 1)), "wrong", 16),
  version2("family 4", headerV2(0x21, 0x41, longPaths), "wrong", 16),
  version2("transport 3", v4(0x13), "wrong", 16),
  version2("too short", headerV2(0x21, 0x31, longPaths.subarray(1)), "wrong", 16),
  version2(
    "a stray byte",
    headerV2(0x21, 0x11, Buffer.concat([v4(0x11).subarray(16), Uint8Array.of(4)])),
    "wrong",
  ),
  { name: "no header", bytes: Buffer.from("hello"), signature: 5, decided: 1, means: "none" },
  {
    name: "hardly a header",
    bytes: Buffer.from("PROX? "),
    signature: 5,
    decided: 5,
    means: "none",
  },
];

/** How a listener was configured, as far as it matters who gets in. 0 is no limit. */
export interface Rules {
  readonly listener: "tcp" | "unix";
  readonly mode: "off" | "optional" | "required";
  readonly from: readonly string[] | "any";
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly maxRelays: number;
  readonly maxRelaysPerClient: number;
  readonly maxRelaysPerNetwork: number;
  readonly clientBurst: number;
  readonly networkBurst: number;
  readonly headersMax: number;
}

/** One connection, and all that it will do. */
export interface Visit {
  /** Null: it had reset before it was accepted. */
  readonly peer: Host | "unix" | null;
  readonly words: Words;
  /** So many bytes of them come; then it does what it does in the end. */
  readonly size: number;
  readonly end: "fin" | "silence" | "reset";
}

export type Verdict = "in" | "waits" | Reason;

/**
 * Who gets in, as short as it can be said. Rates are bursts here, as no time goes by.
 */
export class AdmissionModel<V extends Visit> {
  readonly verdicts = new Map<V, Verdict>();
  private readonly waiting: V[] = [];
  private readonly counts = new Map<string, number>();

  constructor(private readonly rules: Rules) {}

  comes(visit: V): void {
    const { mode, from, headersMax } = this.rules;
    const { peer } = visit;
    const isBelieved =
      from === "any" || (peer !== null && peer !== "unix" && from.includes(peer.within));
    if (peer === null) this.verdicts.set(visit, "client_reset");
    else if (mode === "off" || (mode === "optional" && !isBelieved)) this.admit(visit, peer);
    else if (!isBelieved) this.verdicts.set(visit, "preamble_untrusted");
    else {
      const oldest = this.waiting.length === headersMax ? this.waiting.shift() : undefined;
      if (oldest !== undefined) this.verdicts.set(oldest, "preamble_full");
      this.waiting.push(visit);
      this.verdicts.set(visit, "waits");
    }
  }

  speaks(visit: V): void {
    if (this.verdicts.get(visit) !== "waits") return;
    this.waiting.splice(this.waiting.indexOf(visit), 1);
    const { words, size, end, peer } = visit;
    const late = end === "silence" ? "preamble_timeout" : "preamble_invalid";
    const isDecided = size >= words.decided;
    const means = isDecided ? words.means : size < words.signature ? "none" : "cut";
    if (!isDecided && end === "reset") this.verdicts.set(visit, "client_reset");
    else if (means === "wrong") this.verdicts.set(visit, "preamble_invalid");
    else if (means === "cut") this.verdicts.set(visit, late);
    else if (means === "none" && this.rules.mode === "required")
      this.verdicts.set(visit, isDecided ? "preamble_invalid" : late);
    else this.admit(visit, typeof means === "object" ? means : (peer as Host | "unix"));
  }

  leaves(visit: V, who: Host | "unix" | undefined = this.inside.get(visit)): void {
    if (who !== undefined) for (const [key] of this.limitsOf(who)) this.add(key, -1);
    this.inside.delete(visit);
  }

  /** Who is in, and as whom. */
  private readonly inside = new Map<V, Host | "unix">();

  private admit(visit: V, who: Host | "unix"): void {
    const { allow, deny, clientBurst, networkBurst } = this.rules;
    const refuse = (reason: Reason) => this.verdicts.set(visit, reason);
    const isNamed = who !== "unix";
    if (isNamed && deny.includes(who.within)) return void refuse("access_denied");
    if (isNamed && allow.length > 0 && !allow.includes(who.within))
      return void refuse("access_denied");
    for (const [key, most, reason] of this.limitsOf(who)) {
      if (most > 0 && (this.counts.get(key) ?? 0) >= most) return void refuse(reason);
    }
    if (isNamed && !this.take(`rate ${who.client}`, clientBurst)) return void refuse("client_rate");
    if (isNamed && !this.take(`rate ${who.network}`, networkBurst))
      return void refuse("network_rate");
    for (const [key] of this.limitsOf(who)) this.add(key, 1);
    this.inside.set(visit, who);
    this.verdicts.set(visit, "in");
  }

  private limitsOf(who: Host | "unix"): readonly (readonly [string, number, Reason])[] {
    const { maxRelays, maxRelaysPerClient, maxRelaysPerNetwork } = this.rules;
    const all = ["all", maxRelays, "listener_full"] as const;
    if (who === "unix") return [all];
    const client = [`client ${who.client}`, maxRelaysPerClient, "client_full"] as const;
    return [all, client, [`network ${who.network}`, maxRelaysPerNetwork, "network_full"]];
  }

  private take(key: string, burst: number): boolean {
    if (burst > 0 && (this.counts.get(key) ?? 0) >= burst) return false;
    this.add(key, 1);
    return true;
  }

  private add(key: string, difference: number): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + difference);
  }
}
