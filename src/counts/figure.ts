/** A figure's entry in the list of figures. */
export interface Figure {
  /** Its metric: a counter when that ends in `_total`, else a gauge. Missing where it has none of its own. */
  readonly metric?: string;
  /** What the metric says of itself. */
  readonly help?: string;
  /** What several engines have of it together: what all have, unless it is the most that one has. */
  readonly together?: "most";
  /** Its column in statistics for a person; in brackets it goes with the one before. Missing where it has none. */
  readonly column?: string;
}

type Numbers = Record<string, number>;

/**
 * The numbers of such figures, by their names. They are the very properties of the list and no mapped ones, so that
 * an editor shows what is said of each there.
 */
export type Values<Some> = Some extends Figures<infer Zeros> ? Zeros : never;

/**
 * Figures that are counted together: on a row of numbers, each in its place, or by their names in an object.
 * Whatever is to be done with each of them is done by the list, so that none can be forgotten.
 */
export class Figures<Zeros extends Numbers> {
  readonly names: readonly (keyof Zeros & string)[];
  readonly entries: Readonly<Record<keyof Zeros, Figure>>;
  /** Where each stands in a row. */
  readonly place: Readonly<Record<keyof Zeros, number>>;
  /** Numbers of a row. */
  readonly size: number;
  /** A copy of it has its shape at once, which is three times as fast as to give it name after name. */
  readonly zeros: Readonly<Zeros>;

  /** @param list each of its properties is a figure: calls back with its entry, and is 0 */
  constructor(list: (figure: (entry?: Figure) => number) => Zeros) {
    const entries: Figure[] = [];
    this.zeros = list((entry = {}) => {
      entries.push(entry);
      return 0;
    });
    this.names = Object.keys(this.zeros);
    this.size = this.names.length;
    const byName = <T>(of: (place: number) => T) => {
      const pairs = this.names.map((name, place) => [name, of(place)]);
      return Object.fromEntries(pairs) as Record<keyof Zeros, T>;
    };
    this.entries = byName((place) => entries[place] ?? {});
    this.place = byName((place) => place);
  }

  /** Nothing was counted. */
  none(): Zeros {
    return { ...this.zeros };
  }

  /** What stands in a row. @param first where that begins */
  read(numbers: Float64Array, first = 0): Zeros {
    const values: Numbers = this.none();
    for (let i = 0; i < this.size; i++) {
      values[this.names[i] as string] = numbers[first + i] as number;
    }
    return values as Zeros;
  }

  /** Adds what one has counted to what others have. */
  add(total: Zeros, part: Readonly<Zeros>): void {
    const sums: Numbers = total;
    for (const name of this.names) {
      const [one, other] = [total[name] as number, part[name] as number];
      const isMost = this.entries[name].together === "most";
      sums[name] = isMost ? Math.max(one, other) : one + other;
    }
  }
}

/** A figure's name as words: `silentSends` are silent sends. */
export function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
