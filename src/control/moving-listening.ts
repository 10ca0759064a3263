import { type Address, formatAddress } from "../base/address.ts";
import type { EngineName, ListenerOptions } from "../config/options.ts";
import type { Listening, MovableListening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets, type ListeningSocket } from "../engine/listening-socket.ts";
import { duplicate } from "../system/libc.ts";
import { removeSocketFile } from "../system/socket-file.ts";

/** The engines that a listener may be on. */
export interface ListeningEngines {
  /** They stop, or have stopped: nobody listens any more. */
  readonly isStopping: boolean;
  /** The engine that carries a listener with these options. */
  carrierOf(options: ListenerOptions): EngineName;
  /**
   * Listens on an engine, which is made if it is not there.
   *
   * @param given the engine's from now on, whatever comes of it
   * @throws ListenError, EngineUnsupportedError
   */
  listenOn(
    name: EngineName,
    options: ListenerOptions,
    given: GivenSockets | undefined,
  ): Promise<MovableListening>;
  /** A listener has left that engine. */
  left(name: EngineName): void;
  /** A listener is no more. */
  closed(listening: MovingListening): void;
}

/**
 * A listener that goes to another engine when its options say so. Its sockets stay open all the time:
 * the clients that connect meanwhile wait in the kernel's queue, until the other engine accepts them.
 */
export class MovingListening implements Listening {
  /** Settles when it is on an engine again; null if it was there all the time. */
  private moving: Promise<void> | null = null;
  /** The path of a unix socket goes with this. Before the first move that is the engine's business. */
  private ownsPath = false;
  private closing: Promise<void> | null = null;

  constructor(
    private readonly engines: ListeningEngines,
    private carrier: EngineName,
    private options: ListenerOptions,
    private part: MovableListening,
  ) {}

  get address(): Address {
    return this.part.address;
  }

  /** The engine that it is on. */
  get engine(): EngineName {
    return this.carrier;
  }

  /**
   * As {@link Listening.update}. It may go to another engine.
   *
   * @throws ListenError, EngineUnsupportedError when that cannot be; then it stays where it is
   */
  async update(options: ListenerOptions): Promise<void> {
    await this.moving;
    const { engines, part } = this;
    if (this.closing !== null || engines.isStopping) return;
    const carrier = engines.carrierOf(options);
    if (carrier === this.carrier) {
      this.options = options;
      await part.update(options);
      return;
    }
    const moved = this.move(carrier, options);
    this.moving = moved.catch(() => {});
    try {
      await moved;
    } catch (error) {
      if (!engines.isStopping) throw error;
      // A stop has overtaken it, and found it on its way.
      this.removePath();
    }
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    this.removePath();
    await this.moving;
    // That may have brought it along.
    this.removePath();
    await this.part.close();
    this.engines.left(this.carrier);
    this.engines.closed(this);
  }

  /** Nobody new finds it by its path. */
  removePath(): void {
    const { address } = this;
    if (this.ownsPath && address.kind === "unix") removeSocketFile(address.path);
    this.ownsPath = false;
  }

  private async move(carrier: EngineName, options: ListenerOptions): Promise<void> {
    const before = this.carrier;
    const given = await this.part.handOver();
    this.ownsPath ||= given.areOwn;
    const { sockets } = given;
    // The engine closes what it fails with.
    const spare = duplicates(sockets);
    try {
      if (spare === null) throw new ListenError(this.address, "EMFILE", this.noDescriptor());
      this.part = await this.engines.listenOn(carrier, options, { sockets, areOwn: false });
    } catch (error) {
      const back = { sockets: spare ?? sockets, areOwn: false };
      // It was counted there all the time, so the engine is still there.
      this.part = await this.engines.listenOn(before, this.options, back).catch((failure) => {
        this.removePath();
        throw failure;
      });
      this.engines.left(before);
      throw error;
    }
    closeAll([{ sockets: spare as GivenSockets["sockets"], areOwn: false }]);
    this.carrier = carrier;
    this.options = options;
    this.engines.left(before);
  }

  private noDescriptor(): string {
    return `cannot move ${formatAddress(this.address)} to another engine: EMFILE`;
  }
}

/** Duplicates of all of these; null when there are not enough descriptors left. */
function duplicates(sockets: GivenSockets["sockets"]): GivenSockets["sockets"] | null {
  const copies: ListeningSocket[] = [];
  for (const socket of sockets) {
    const descriptor = duplicate(socket.descriptor);
    if (descriptor < 0) {
      if (copies.length > 0) closeAll([{ sockets: copies as never, areOwn: false }]);
      return null;
    }
    copies.push({ ...socket, descriptor });
  }
  return copies as unknown as GivenSockets["sockets"];
}
