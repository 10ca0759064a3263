import type { Reason } from "../../src/base/reason.ts";
import { Flow } from "../../src/flow/flow.ts";
import { Relay } from "../../src/flow/relay.ts";
import { CompletingConduit } from "../../src/relay/completing-conduit.ts";
import type { Hall } from "../../src/relay/hall.ts";
import { Lane } from "../../src/relay/lane.ts";
import type { Meter } from "../../src/relay/ledger/meter.ts";
import { type RelayParts, RelayTimeouts } from "../../src/relay/relay-timeouts.ts";
import type { Connection } from "../kernel/connection.ts";
import type { AttemptOwner, SimulatedAttempt } from "./attempt.ts";
import { type EndHost, type EndOwner, SimulatedEnd, type SimulatedLane } from "./end.ts";
import { type Memory, MemoryQueue, RECEIVE_MAX } from "./memory.ts";

/** What a flow may hold, and with how much its source is still read. */
export const FLOW_LIMIT = 4 * RECEIVE_MAX;
const RECEIVE_BELOW = RECEIVE_MAX;

/** No step of the clock is longer. */
const LOOK_MS = 60;

export class SimulatedListener extends RelayTimeouts<SimulatedConduit> {
  /** Milliseconds that a client may be in its steps. */
  readonly stepsMs: number;

  constructor(parts: RelayParts<SimulatedConduit>, dialer: SimulatedHall["dialer"]) {
    super(parts, dialer);
    this.stepsMs = parts.steps.reduce((sum, { timeoutMs }) => sum + timeoutMs + LOOK_MS, 0);
  }
}
export type SimulatedHall = Hall<SimulatedConduit, SimulatedListener>;

/** What a relay needs of its carrier. */
interface ConduitHost extends EndHost {
  readonly hall: SimulatedHall;
  readonly memory: { readonly up: Memory; readonly down: Memory };
  readonly meter: Meter;
  readonly onRetire: (conduit: SimulatedConduit, reason: Reason) => void;
  open(end: SimulatedEnd): SimulatedEnd;
}

/** A relay over two ends of the simulated network. */
export class SimulatedConduit
  extends CompletingConduit<
    SimulatedEnd,
    MemoryQueue,
    SimulatedAttempt,
    SimulatedListener,
    SimulatedHall
  >
  implements AttemptOwner, EndOwner
{
  readonly relay: Relay;
  readonly up: SimulatedLane;
  readonly down: SimulatedLane;

  constructor(
    private readonly carrier: ConduitHost,
    listener: SimulatedListener,
  ) {
    super(carrier.hall, listener);
    const flow = () => new Flow(RECEIVE_MAX, FLOW_LIMIT, RECEIVE_BELOW);
    this.relay = new Relay(flow(), flow());
    const { meter, memory } = carrier;
    this.up = new Lane(this.relay.up, new MemoryQueue(memory.up), meter, this);
    this.down = new Lane(this.relay.down, new MemoryQueue(memory.down), meter, this);
  }

  clientEnd(connection: Connection): SimulatedEnd {
    return this.carrier.open(new SimulatedEnd(this.carrier, connection, this, this.up, this.down));
  }

  attemptAnswered(attempt: SimulatedAttempt, connection: Connection): void {
    const { carrier, client } = this;
    connection.partner = client?.connection ?? null;
    if (client !== null) client.connection.partner = connection;
    const end = new SimulatedEnd(carrier, connection, this, this.down, this.up);
    carrier.hall.dialer.answered(this, attempt, carrier.open(end));
  }

  attemptLost(attempt: SimulatedAttempt, code: string): void {
    this.carrier.hall.dialer.attemptFailed(this, attempt, code);
  }

  override retire(reason: Reason): void {
    if (reason === "drain" || reason === "upstream_gone" || reason === "lifetime") {
      this.carrier.onRetire(this, reason);
    }
    super.retire(reason);
  }

  override stepLate(reason: Reason): void {
    if (this.client !== null) this.carrier.onHeaderOver(this.client.connection);
    super.stepLate(reason);
  }

  keepAlive(): void {}
}
