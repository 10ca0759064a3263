import type { Address } from "../../base/address.ts";
import { sourceFor } from "../../config/source-address.ts";
import type { OptionValue } from "../../relay/keep-alive.ts";
import { ANSWER_BYTES } from "../../relay/mirror/copies.ts";
import { addressOf, SocketOption } from "../../system/linux.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import type { Sockets } from "./kernel.ts";

/** What sets options of sockets. */
export interface TuningHost {
  readonly sockets: Sockets;
  setOption(
    descriptor: number,
    option: { readonly level: number; readonly option: number },
    value: number,
  ): void;
}

/** A value of a socket's option, with the address where the kernel reads it when it gets to that. */
export type StoredValue = OptionValue & { readonly address: number };

/**
 * Options of a loop's sockets. They are set by operations of the ring, so their values stay where they are.
 */
export class Tuning {
  private readonly values = Int32Array.of(1, ANSWER_BYTES);
  private readonly one = addressOf(this.values);
  private readonly answerBytes = addressOf(this.values.subarray(1));

  constructor(private readonly loop: TuningHost) {}

  /** Lets a connection send small pieces at once. */
  noDelay(descriptor: number): void {
    this.set(descriptor, SocketOption.noDelay, this.one);
  }

  /** An urgent byte is received in its place, see linux.ts. */
  keepUrgentBytes(descriptor: number): void {
    this.set(descriptor, SocketOption.urgentInline, this.one);
  }

  /** Nobody is woken for a few bytes that come. */
  receiveMany(descriptor: number): void {
    this.set(descriptor, SocketOption.receiveLowWater, this.answerBytes);
  }

  /** Lets the kernel find out when the other end of a connection is gone without a word. */
  keepAlive(descriptor: number, values: readonly StoredValue[]): void {
    for (const one of values) this.set(descriptor, one, one.address);
  }

  /**
   * A socket that is to connect there comes from one of these, if any is of its family.
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
