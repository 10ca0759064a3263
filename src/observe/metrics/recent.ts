/**
 * What belongs to keys that come and go without end, such as members of a service: for so many keys, of
 * which those go first that were not used for longest.
 */
export class Recent<T> {
  private readonly values = new Map<string, T>();

  /**
   * @param most of all keys, at least 1
   * @param forget told what is gone
   */
  constructor(
    private readonly most: number,
    private readonly forget: (value: T) => void,
  ) {}

  /** What belongs to a key, made at its first use. */
  use(key: string, make: () => T): T {
    const value = this.values.get(key) ?? make();
    this.values.delete(key);
    this.values.set(key, value);
    this.keep(this.most);
    return value;
  }

  /** Only so many are kept. */
  keep(most: number): void {
    for (const [key, value] of this.values) {
      if (this.values.size <= most) return;
      this.values.delete(key);
      this.forget(value);
    }
  }
}
