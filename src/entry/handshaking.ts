import type { Reason } from "../base/reason.ts";
import type { TlsFacts } from "../transport/tls/facts.ts";
import type { Stage, Visitor } from "./stage.ts";

/** A client whose TLS ends here. */
export interface Handshaker extends Visitor {
  /** What came of its handshake: what was agreed on, or why it may not come in; null while it is under way. */
  readonly handshake: TlsFacts | Reason | null;
  /** Its handshake may begin: before that, what it sends stays in the kernel. */
  beginHandshake(): void;
  /** Its handshake has agreed on this. */
  shook(facts: TlsFacts): void;
  /** Ends it by a reset, whatever the listener does with clients that it turns away. */
  terminate(reason: Reason): void;
}

/** Whether the handshake was right, and the client is not. */
function isDecision(reason: Reason): boolean {
  return reason === "tls_no_certificate" || reason === "tls_client_rejected";
}

/** Clients that wait, each for the same span of time. */
interface Row<T> {
  add(client: T): void;
  delete(client: T): void;
}

/**
 * Has each client finish its TLS handshake, which the carrier carries out. It stands behind the admission: no key is
 * used for a client that may not come in.
 *
 * Owner: a listener.
 */
export class Handshaking<T extends Handshaker> implements Stage<T> {
  private readonly waiting = new Set<T>();
  private readonly row: Row<T>;

  /** @param rowOf makes a queue whose clients have a time each */
  constructor(rowOf: (onLate: (client: T) => void) => Row<T>) {
    this.row = rowOf((client) => client.terminate("tls_handshake_timeout"));
  }

  receive(client: T): void {
    if (client.handshake !== null) this.decide(client, client.handshake);
    else {
      this.waiting.add(client);
      this.row.add(client);
      client.beginHandshake();
    }
  }

  /** A client's handshake is over. If it has failed before this stage, the client is asked when it gets here. */
  over(client: T): void {
    if (!this.waiting.has(client) || client.handshake === null) return;
    this.delete(client);
    this.decide(client, client.handshake);
  }

  /** A client waits no more. */
  delete(client: T): void {
    this.waiting.delete(client);
    this.row.delete(client);
  }

  private decide(client: T, outcome: TlsFacts | Reason): void {
    if (client.isLeaving) return;
    if (typeof outcome === "string") {
      // Of a handshake that has failed there is nobody left to turn away.
      if (isDecision(outcome)) client.refuse(outcome);
      else client.terminate(outcome);
    } else {
      client.shook(outcome);
      client.pass();
    }
  }
}
