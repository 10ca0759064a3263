import type { Address } from "../../base/address.ts";
import { sourceFor } from "../../config/source-address.ts";
import type { OptionValue } from "../../relay/keep-alive.ts";
import { ANSWER_BYTES } from "../../relay/mirror/copies.ts";
import { addressOf, SocketOption } from "../../system/linux.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import type { Sockets } from "./kernel.ts";

/** The part of the loop that sets options of sockets. */
export interface TuningHost {
  readonly sockets: Sockets;
  setOption(
    descriptor: number,
    option: { readonly level: number; readonly option: number },
    value: number,
  ): void;
}

/** A value of a socket's option, with the address where the kernel later reads it. */
export type StoredValue = OptionValue & { readonly address: number };

/** Sets options of a loop's sockets by operations of the ring, so the values must not move. */
export class Tuning {
  private readonly values = Int32Array.of(1, ANSWER_BYTES);
  private readonly one = addressOf(this.values);
  private readonly answerBytes = addressOf(this.values.subarray(1));

  constructor(private readonly loop: TuningHost) {}

  /** Lets a connection send small pieces at once. */
  noDelay(descriptor: number): void {
    this.set(descriptor, SocketOption.noDelay, this.one);
  }

  /** Keeps an urgent byte in its place in the stream; see linux.ts. */
  keepUrgentBytes(descriptor: number): void {
    this.set(descriptor, SocketOption.urgentInline, this.one);
  }

  /** Receives only complete once many bytes have come. */
  receiveMany(descriptor: number): void {
    this.set(descriptor, SocketOption.receiveLowWater, this.answerBytes);
  }

  /** Lets the kernel detect that the peer has vanished silently. */
  keepAlive(descriptor: number, values: readonly StoredValue[]): void {
    for (const one of values) this.set(descriptor, one, one.address);
  }

  /**
   * Binds a socket before it connects, if one of the sources has the family of the address.
   *
   * @param where a literal, or a path
   * @returns 0 or a negated errno
   */
  comeFrom(descriptor: number, sources: readonly string[], where: Address): number {
    const source = where.kind === "unix" ? undefined : sourceFor(sources, where.host);
    if (source === undefined) return 0;
    const address = encodeSockaddr({ kind: "tcp", host: source, port: 0 });
    return this.loop.sockets.comeFrom(descriptor, address);
  }

  private set(
    descriptor: number,
    option: { readonly level: number; readonly option: number },
    value: number,
  ): void {
    this.loop.setOption(descriptor, option, value);
  }
}
