const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** The most digits of a length or count; a double holds all of them exactly. */
const DIGITS_MAX = 15;

/** What one byte did to a line. */
export enum LineState {
  More,
  /** The line is whole: {@link NumberLine.value} is its number. */
  Whole,
  /** The byte cannot stand there. */
  Broken,
}

/**
 * The number of a line such as `*3\r\n` or `$-1\r\n`, read byte by byte after its first byte. A number has an
 * optional minus sign and digits without leading zeros, and ends with CR LF: whatever else a server might make
 * of the bytes, two readers of the same stream must never disagree on where a request ends.
 */
export class NumberLine {
  private digits = 0;
  private isNegative = false;
  private isEnding = false;
  private isZero = false;
  private magnitude = 0;

  /** The number; only of a line that is whole. */
  get value(): number {
    return this.isNegative ? -this.magnitude : this.magnitude;
  }

  begin(): void {
    this.digits = 0;
    this.isNegative = false;
    this.isEnding = false;
    this.isZero = false;
    this.magnitude = 0;
  }

  push(byte: number): LineState {
    if (this.isEnding) return byte === LINE_FEED ? LineState.Whole : LineState.Broken;
    if (byte === CARRIAGE_RETURN) {
      this.isEnding = true;
      return this.digits > 0 ? LineState.More : LineState.Broken;
    }
    if (byte === MINUS) {
      if (this.digits > 0 || this.isNegative) return LineState.Broken;
      this.isNegative = true;
      return LineState.More;
    }
    if (byte < ZERO || byte > NINE || this.isZero) return LineState.Broken;
    if (++this.digits > DIGITS_MAX) return LineState.Broken;
    this.isZero = this.digits === 1 && byte === ZERO;
    if (this.isZero && this.isNegative) return LineState.Broken;
    this.magnitude = this.magnitude * 10 + (byte - ZERO);
    return LineState.More;
  }
}
