/** A client whose TLS handshake may begin. */
export interface Shaking {
  /** Its turn has come. It may have left meanwhile. */
  shake(): void;
}

/**
 * Handshakes that begin in a pass of Bun's loop. Bun reads at most five sockets within their handshakes in a pass, and
 * the others wait in a queue from which the *newest* is taken first: while new clients come all the time, old ones
 * wait for seconds, and longer than they have. A handshake has two reads, and one with an upstream may follow it, so
 * that with one a pass that queue is empty again and again. It takes about 300 µs: passes are nothing beside it.
 */
const PER_PASS = 1;

/** Begins TLS handshakes in the order in which their clients came, one in each pass of the loop. Owner: an engine. */
export class HandshakeTurns<T extends Shaking> {
  private readonly waiting = new Set<T>();
  private begun = 0;
  private isArmed = false;

  /** @param onPass calls back in the next pass of the loop */
  constructor(private readonly onPass: (call: () => void) => void = setImmediate) {}

  /** A client's handshake begins, now or in a later pass. */
  begin(client: T): void {
    this.waiting.add(client);
    this.go();
  }

  /** A client has left. */
  delete(client: T): void {
    this.waiting.delete(client);
  }

  private go(): void {
    for (const client of this.waiting) {
      if (this.begun === PER_PASS) break;
      this.waiting.delete(client);
      this.begun++;
      client.shake();
    }
    if (this.begun === 0 || this.isArmed) return;
    this.isArmed = true;
    this.onPass(() => {
      this.isArmed = false;
      this.begun = 0;
      this.go();
    });
  }
}
