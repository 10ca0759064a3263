/**
 * A bounded map for keys that come and go without end, such as members of a service. The least
 * recently used keys are dropped first.
 */
export class Recent<T> {
  private readonly values = new Map<string, T>();

  /**
   * @param most keys to keep, at least 1
   * @param forget called with each dropped value
   */
  constructor(
    private readonly most: number,
    private readonly forget: (value: T) => void,
  ) {}

  /** The value of a key, created on first use. */
  use(key: string, make: () => T): T {
    const value = this.values.get(key) ?? make();
    this.values.delete(key);
    this.values.set(key, value);
    this.keep(this.most);
    return value;
  }

  /** Drops keys until at most this many are left. */
  keep(most: number): void {
    for (const [key, value] of this.values) {
      if (this.values.size <= most) return;
      this.values.delete(key);
      this.forget(value);
    }
  }
}
