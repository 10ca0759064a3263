/** A first-in, first-out queue that allocates nothing while its length stays about the same. */
export class Queue<T> {
  private items: T[] = [];
  private first = 0;

  get length(): number {
    return this.items.length - this.first;
  }

  /** The item that was added first; undefined if there is none. */
  get head(): T | undefined {
    return this.items[this.first];
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    const item = this.items[this.first];
    if (item === undefined) return undefined;
    this.first++;
    if (this.first === this.items.length) {
      this.items.length = 0;
      this.first = 0;
    } else if (this.first > 1_024 && this.first * 2 > this.items.length) {
      // What is done with is given back in one piece, when it is half of all.
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    return item;
  }

  /** Removes and returns all items, in order. */
  clear(): T[] {
    const items = this.items.slice(this.first);
    this.items.length = 0;
    this.first = 0;
    return items;
  }
}
