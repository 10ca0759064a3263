/** An entry in the list of figures. */
export interface Figure {
  /** Its metric: a counter if the name ends in `_total`, otherwise a gauge. Missing for none. */
  readonly metric?: string;
  /** The help text of the metric. */
  readonly help?: string;
  /** How to combine several engines: the sum, unless this says the maximum. */
  readonly together?: "most";
  /**
   * Its column in statistics for people; in brackets it joins the column before. Missing for none.
   */
  readonly column?: string;
}

type Numbers = Record<string, number>;

/**
 * The numbers of figures, by name. The type has the properties of the list itself (it is not
 * mapped), so that editors show each one's comment.
 */
export type Values<Some> = Some extends Figures<infer Zeros> ? Zeros : never;

/**
 * Figures that are counted together: in a row of numbers, or by name in an object. All work with
 * them follows the list, so that none is forgotten.
 */
export class Figures<Zeros extends Numbers> {
  readonly names: readonly (keyof Zeros & string)[];
  readonly entries: Readonly<Record<keyof Zeros, Figure>>;
  /** The index of each figure in a row. */
  readonly place: Readonly<Record<keyof Zeros, number>>;
  /** The length of a row. */
  readonly size: number;
  /** All 0. Copying it is three times as fast as adding property after property. */
  readonly zeros: Readonly<Zeros>;

  /** @param list returns an object whose properties are figures; calls back with each entry */
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

  /** Reads a row. @param first the index at which it begins */
  read(numbers: Float64Array, first = 0): Zeros {
    const values: Numbers = this.none();
    for (let i = 0; i < this.size; i++) {
      values[this.names[i] as string] = numbers[first + i] as number;
    }
    return values as Zeros;
  }

  /** Adds the counts of one engine to those of others. */
  add(total: Zeros, part: Readonly<Zeros>): void {
    const sums: Numbers = total;
    for (const name of this.names) {
      const [one, other] = [total[name] as number, part[name] as number];
      const isMost = this.entries[name].together === "most";
      sums[name] = isMost ? Math.max(one, other) : one + other;
    }
  }
}

/** A figure's name as words: "silent sends" for `silentSends`. */
export function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
