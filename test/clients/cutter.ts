import type { Address } from "../../src/base/address.ts";
import { End } from "../fixtures/end.ts";
import { type Random, sizesUpTo } from "../fixtures/random.ts";
import { Upstream } from "../fixtures/upstream.ts";

/** Bytes after which a connection is cut at the latest. */
const BUDGET_MAX = 256 * 1024;

/**
 * An upstream that passes everything on to another one and cuts connections at random points: after
 * any number of bytes, in the middle of a request or of an answer, by RST or by FIN. Any upstream
 * becomes an unreliable one behind it.
 */
export class Cutter {
  /** Connections that were cut. */
  cuts = 0;
  private cutting = false;
  private readonly upstream: Upstream;
  private readonly far = new Set<End>();
  private readonly budget: () => number;

  constructor(
    private readonly target: Address,
    private readonly random: Random,
  ) {
    this.budget = sizesUpTo(BUDGET_MAX, random);
    const anywhere = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
    this.upstream = Upstream.listen(anywhere, (near) => this.join(near));
  }

  get address(): Address {
    return this.upstream.address;
  }

  /** From now on connections are cut, those that are open too. */
  startCutting(): void {
    this.cutting = true;
  }

  /** From now on connections live as long as their ends want. */
  stopCutting(): void {
    this.cutting = false;
  }

  close(): void {
    this.upstream.close();
    for (const end of this.far) end.reset();
  }

  private join(near: End): void {
    const dialled = End.connect(this.target, (far) => {
      this.far.add(far);
      this.wire(near, far);
    });
    dialled.catch(() => near.reset());
  }

  private wire(near: End, far: End): void {
    let left = this.budget();
    const pass = (to: End) => (_: End, bytes: Buffer) => {
      if (left <= 0) return;
      // A copy, as what is not taken at once waits, and Bun's chunk does not.
      to.send(Buffer.from(this.cutting ? bytes.subarray(0, left) : bytes));
      if (this.cutting) left -= bytes.length;
      if (left <= 0) this.cut(near, far);
    };
    near.onData = pass(far);
    near.onFin = () => void far.finish();
    near.onClose = () => this.closed(near, far);
    far.onData = pass(near);
    far.onFin = () => void near.finish();
    far.onClose = () => {
      this.far.delete(far);
      this.closed(far, near);
    };
  }

  private cut(near: End, far: End): void {
    this.cuts++;
    far.reset();
    if (this.random() < 0.5) near.reset();
    else near.close();
  }

  private closed(end: End, other: End): void {
    if (end.wasReset) other.reset();
    else other.finish();
  }
}
