import type { Address } from "../../src/base/address.ts";
import type { Backlog } from "../../src/memory/backlog.ts";
import type { Copies } from "../../src/relay/mirror/copies.ts";
import { Copy, CopyPhase } from "../../src/relay/mirror/copy.ts";
import type { Connection } from "../kernel/connection.ts";
import { type AttemptHost, type AttemptOwner, SimulatedAttempt } from "./attempt.ts";

/** What a copy needs of its carrier. */
interface CopyHost extends AttemptHost {
  readonly hall: AttemptHost["hall"] & { readonly copies: Copies };
  clientOf(relay: number): Connection | null;
  part(size: number): number;
  carry(target: Connection, bytes: Uint8Array): void;
  checkEndOfCopy(mirror: Connection): void;
  closeConnection(connection: Connection, isClean: boolean): void;
}

/** A copy to a mirror on the simulated network. */
export class SimulatedCopy extends Copy implements AttemptOwner {
  private connection: Connection | null = null;
  private connecting: SimulatedAttempt | null = null;

  constructor(
    private readonly carrier: CopyHost,
    backlog: Backlog,
  ) {
    super(carrier.hall.copies, backlog);
  }

  protected attempt(address: Address): void {
    this.connecting = new SimulatedAttempt(this.carrier, this, address);
    this.connecting.begin();
  }

  attemptAnswered(_attempt: SimulatedAttempt, connection: Connection): void {
    this.connecting = null;
    this.connection = connection;
    connection.copyOf = this.carrier.clientOf(this.relay);
    this.connected();
  }

  attemptLost(_attempt: SimulatedAttempt, code: string): void {
    this.connecting = null;
    this.attemptFailed(code);
  }

  /** Lets happen to it what can happen now. @returns whether anything did */
  step(): boolean {
    const { backlog, carrier, connection } = this;
    if (connection === null || carrier.isSlow) return false;
    // What it answers is thrown away.
    const { readable } = connection;
    connection.received += readable;
    if (connection.isBroken) this.gone("ECONNRESET");
    else if (connection.hasEnded && this.phase !== CopyPhase.Closing) this.sourceEnded();
    const room = Math.min(backlog.size > 0 ? backlog.firstSize : 0, connection.sendRoom);
    if (this.phase !== CopyPhase.Open || room === 0) return readable > 0;
    const size = carrier.part(room);
    const { pool, first } = backlog;
    const start = pool.start[first] as number;
    carrier.carry(connection, pool.view(first).subarray(start, start + size));
    this.took(size);
    return true;
  }

  protected write(bytes: Uint8Array): number {
    const { carrier, connection } = this;
    if (connection === null || connection.sendVerdict() !== null) return -1;
    const room = Math.min(bytes.length, connection.sendRoom);
    const size = room === 0 ? 0 : carrier.part(room);
    carrier.carry(connection, bytes.subarray(0, size));
    return size;
  }

  protected sendWaiting(): void {}

  /** It has all that its upstream has got, which was told the end, and the mirror was not. */
  get lacksEnd(): boolean {
    const { connection, phase } = this;
    if (connection === null || phase !== CopyPhase.Open || this.backlog.size > 0) return false;
    return connection.copyOf?.partner?.finSent === true && !connection.finSent;
  }

  protected sendFin(): void {
    const { connection } = this;
    if (connection === null || connection.isBroken) return;
    this.carrier.checkEndOfCopy(connection);
    connection.finSent = true;
  }

  protected get unsent(): number {
    const { connection } = this;
    return connection === null || connection.isBroken ? 0 : connection.sent - connection.acked;
  }

  protected close(isClean: boolean): void {
    const { carrier, connection } = this;
    this.connecting?.abandon();
    this.connecting = null;
    this.connection = null;
    if (connection !== null) carrier.closeConnection(connection, isClean);
    this.released();
  }
}
