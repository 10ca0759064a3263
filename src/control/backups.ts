/**
 * Of which listeners backups have had their time, as there is an upstream again that is none. What is
 * forgotten begins anew.
 */
export class Backups {
  /** The homes of those listeners. */
  private readonly over = new Set<string>();

  /** Whether relays of this listener's backups should go back. */
  areOver(home: string): boolean {
    return this.over.has(home);
  }

  /**
   * @param home the listener's, whatever it is called
   * @param isBack checks say that an upstream is well that is no backup
   * @returns whether that has changed
   */
  look(home: string, isBack: boolean): boolean {
    if (isBack === this.over.has(home)) return false;
    if (isBack) this.over.add(home);
    else this.over.delete(home);
    return true;
  }

  /** Only these are left. */
  keep(homes: ReadonlySet<string>): void {
    for (const home of this.over) if (!homes.has(home)) this.over.delete(home);
  }
}
