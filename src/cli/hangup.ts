/**
 * What SIGHUP asks for: to take anew whatever can be taken anew while the proxy runs.
 *
 * As long as there is nothing of that kind the signal ends the program, as a terminal that is closed
 * means it to.
 */
export class Hangup {
  private readonly actions: (() => void)[] = [];

  /** Adds something to be done at each signal, after what was added before. */
  add(action: () => void): void {
    if (this.actions.length === 0) process.on("SIGHUP", () => this.arrived());
    this.actions.push(action);
  }

  private arrived(): void {
    for (const action of this.actions) action();
  }
}
