import { Found, RequestReader } from "../../resp/request-reader.ts";
import { NOTHING } from "../../resp/write.ts";
import { Asked, type Asker } from "./asked.ts";
import { argsToRead, type Command, commandNamed, ownCommand } from "./command-table.ts";
import type { Holdings } from "./holdings.ts";
import { Pieces } from "./pieces.ts";
import type { Policy } from "./policy.ts";
import type { UpstreamConnection, Waiting } from "./upstream-connection.ts";

/** A request that is carried out by itself. Until it is, no other is looked at. */
export interface Held {
  readonly command: Command;
  readonly bytes: Uint8Array;
  /** As many of its arguments as say what it is. */
  readonly args: readonly Uint8Array[];
  /** It is larger than a shared connection takes. */
  readonly isLarge: boolean;
  /** Only its beginning is here. */
  readonly isPart: boolean;
  /** How often it was asked before. */
  readonly tries: number;
  /** When it began to wait, in milliseconds. */
  readonly heldAt: number;
}

/** What requests need of their client's service. */
export interface RequestsHost {
  readonly policy: Policy;
  /** Bytes of a request from which on it is large. */
  readonly largeBytes: number;
  readonly retriesReads: boolean;
  /** The time of this turn, in milliseconds. */
  now(): number;
  readonly holdings: Holdings;
}

/** The client whose requests they are. */
export interface RequestsOwner extends Asker, Waiting {
  /** No request can be looked at now. Then it says when to go on. */
  readonly mustWait: boolean;
  readonly isEnding: boolean;
  /** Its bytes are relayed as they are. */
  readonly isRelayed: boolean;
  /** Its own connection; null if it has none. */
  readonly ownNow: UpstreamConnection | null;
  /** The shared connection that a request goes out on now; null if it must be {@link hold held}. The request counts as sent. */
  shares(command: Command): UpstreamConnection | null;
  /** Carries a request out, now or later. */
  hold(held: Held): void;
  /** All of a large request was sent on. */
  streamed(): void;
  /** It has broken the protocol: nothing that follows has a meaning. */
  fail(error: string): void;
  /** It is relayed, and has sent a command that is denied: no answer to it would be in its place. */
  refused(command: Command): void;
  /** There is no memory for the beginning of its request. */
  overfull(): void;
}

/**
 * Reads what one client sends, and passes on what can go out on a shared connection.
 *
 * Owner: a {@link ValkeyClient}.
 */
export class Requests {
  /** The rest of a large request goes to the client's own connection as it comes. */
  isStreaming = false;
  private readonly reader = new RequestReader((bytes, from, to) => {
    this.named = commandNamed(bytes, from, to);
    return this.named === null ? argsToRead(bytes.subarray(from, to)) : 1;
  });
  /** The command of the request that is being read, if its name says it all. */
  private named: Command | null = null;
  /** The beginning of a request that is not whole. */
  private readonly partial = new Pieces();
  /** The shared connection that the requests read last went out on. */
  private shared: UpstreamConnection | null = null;

  constructor(
    private readonly host: RequestsHost,
    private readonly owner: RequestsOwner,
  ) {}

  /** Bytes of the request that is being read, as far as is known. */
  get size(): number {
    return this.reader.expectedSize;
  }

  /** Takes requests as far as they can be carried out now. @returns how many bytes */
  take(bytes: Uint8Array): number {
    const { owner, reader } = this;
    // Requests of the shared connection that lie together are copied together, from `run` on.
    let run = 0;
    let from = 0;
    while (from < bytes.length) {
      if (this.isStreaming) {
        run = from = this.stream(bytes, from);
        if (this.isStreaming) return from;
        continue;
      }
      if (owner.isRelayed) {
        const { denies } = this.host.policy;
        return denies ? this.relayPermitted(bytes, from) : this.relay(bytes, from);
      }
      if (owner.mustWait) break;
      const found = reader.read(bytes, from);
      const { at } = reader;
      if (found === Found.More) {
        this.sendRun(bytes, run, from);
        this.keep(bytes, from, at);
        if (this.isLarge) this.holdLarge();
        return at;
      }
      if (found === Found.Request && this.isShared(bytes, from)) {
        from = at;
        continue;
      }
      this.sendRun(bytes, run, from);
      if (found === Found.Request) this.hold(this.whole(bytes, from, at), false);
      else this.clear();
      run = from = at;
      if (found === Found.Failed) owner.fail(reader.error);
      if (found === Found.Failed || owner.isEnding) return bytes.length;
    }
    this.sendRun(bytes, run, from);
    return from;
  }

  /** Forgets the beginning of a request. */
  clear(): void {
    this.host.holdings.bytes -= this.partial.size;
    this.partial.clear();
  }

  private keep(bytes: Uint8Array, from: number, to: number): void {
    const { holdings } = this.host;
    this.partial.add(bytes, from, to);
    holdings.bytes += to - from;
    if (holdings.isExceeded) this.owner.overfull();
  }

  /** Sends the request that was read on a shared connection, if that is possible now: all but its bytes. */
  private isShared(bytes: Uint8Array, from: number): boolean {
    const { host, partial, reader } = this;
    if (reader.size > host.largeBytes) return false;
    const command = this.command();
    const shared = this.owner.shares(command);
    if (shared === null) return false;
    this.shared = shared;
    const isKept = host.retriesReads && command.isRead && !host.holdings.isExceeded;
    const request = isKept ? partial.with(bytes, from, reader.at) : null;
    if (request !== null) host.holdings.bytes += request.length;
    shared.owes(new Asked(this.owner, command, null, request, 0, reader.size));
    if (partial.size > 0) {
      shared.append(partial.bytes, 0, partial.size);
      this.clear();
    }
    return true;
  }

  private sendRun(bytes: Uint8Array, from: number, to: number): void {
    if (from < to) this.shared?.append(bytes, from, to);
  }

  /** What was read of a request says that it is large. */
  private get isLarge(): boolean {
    const { host, reader } = this;
    return reader.expectedSize > host.largeBytes && !reader.isInLine;
  }

  private hold(bytes: Uint8Array, isPart: boolean): void {
    const { host, reader } = this;
    // Of a request whose very name is large nothing is known, so it is no command.
    const command = isPart && !reader.isNamed ? ownCommand : this.command();
    const isLarge = isPart || reader.size > host.largeBytes;
    const heldAt = host.now();
    const args = reader.args.slice();
    this.owner.hold({ command, bytes, args, isLarge, isPart, tries: 0, heldAt });
  }

  private holdLarge(): void {
    this.hold(this.whole(NOTHING, 0, 0), true);
  }

  /** The bytes of a request, of which the beginning may have come before. */
  private whole(bytes: Uint8Array, from: number, to: number): Uint8Array {
    const all = this.partial.with(bytes, from, to);
    this.clear();
    return all;
  }

  /** The command of the request that was read, at least as far as that is known. */
  private command(): Command {
    const { reader } = this;
    return this.host.policy.of(reader.isInline ? null : this.named, reader.args);
  }

  /** Passes on what comes of a large request. @returns where it stopped */
  private stream(bytes: Uint8Array, from: number): number {
    const { owner, reader } = this;
    const own = owner.ownNow;
    if (own === null || own.isFull) {
      own?.waiting.add(owner);
      return from;
    }
    const found = reader.read(bytes, from);
    const { at } = reader;
    if (found === Found.Failed) {
      owner.fail(reader.error);
      return bytes.length;
    }
    own.append(bytes, from, at);
    if (found === Found.More) return at;
    this.isStreaming = false;
    owner.streamed();
    return at;
  }

  /** Relays requests one by one, so that none passes that is denied. */
  private relayPermitted(bytes: Uint8Array, from: number): number {
    const { owner, reader } = this;
    const own = owner.ownNow;
    if (own === null) return bytes.length;
    let at = from;
    while (at < bytes.length && !own.isFull) {
      const found = reader.read(bytes, at);
      const isLarge = found === Found.More && this.isLarge;
      const isKnown = found === Found.Request || (isLarge && reader.isNamed);
      if (found === Found.Failed) owner.fail(reader.error);
      else if (isKnown && this.command().isDenied) owner.refused(this.command());
      if (owner.isEnding) return bytes.length;
      this.keep(bytes, at, reader.at);
      at = reader.at;
      if (found === Found.More && !isLarge) return at;
      this.isStreaming = isLarge;
      own.append(this.partial.bytes, 0, this.partial.size);
      this.clear();
    }
    if (at < bytes.length) own.waiting.add(owner);
    return at;
  }

  private relay(bytes: Uint8Array, from: number): number {
    const { owner } = this;
    const own = owner.ownNow;
    if (own === null) return bytes.length;
    if (own.isFull) {
      own.waiting.add(owner);
      return from;
    }
    own.append(bytes, from, bytes.length);
    return bytes.length;
  }
}
