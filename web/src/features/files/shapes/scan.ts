/** Reads numbers out of text, byte by byte: a file of a million points is never one string. */

const [TAB, LF, CR, SPACE, HASH, COMMA, SEMICOLON] = [9, 10, 13, 32, 35, 44, 59];
const [PLUS, MINUS, DOT, ZERO, NINE, UPPER_E, LOWER_E] = [43, 45, 46, 48, 57, 69, 101];
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

const isGap = (byte: number) =>
  byte === SPACE || byte === TAB || byte === CR || byte === COMMA || byte === SEMICOLON;

export class Scanner {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Go to the next thing on this line; whether there is one. A remark ends a line. */
  more(): boolean {
    const { bytes } = this;
    while (this.at < bytes.length && isGap(bytes[this.at] as number)) this.at += 1;
    const byte = bytes[this.at];
    return byte !== undefined && byte !== LF && byte !== HASH;
  }

  /** Go behind the end of this line. */
  line(): void {
    const end = this.bytes.indexOf(LF, this.at);
    this.at = end < 0 ? this.bytes.length : end + 1;
  }

  /** The next thing as text, as far as that is short. */
  word(): string {
    const from = this.at;
    this.skip();
    return String.fromCharCode(...this.bytes.subarray(from, Math.min(this.at, from + 32)));
  }

  /** The next thing as a number; NaN where it is none. */
  number(): number {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    const sign = bytes[at] === MINUS ? -1 : 1;
    if (bytes[at] === MINUS || bytes[at] === PLUS) at += 1;
    let [value, digits, places] = [0, 0, 0];
    let isBehind = false;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= NINE) {
        // More digits than a number holds only move the point.
        if (digits < 17) value = value * 10 + (byte - ZERO);
        else places -= 1;
        digits += 1;
        if (isBehind) places += 1;
      } else if (byte === DOT && !isBehind) isBehind = true;
      else break;
    }
    let power = 0;
    if (digits && (bytes[at] === LOWER_E || bytes[at] === UPPER_E)) {
      at += 1;
      const negative = bytes[at] === MINUS;
      if (negative || bytes[at] === PLUS) at += 1;
      for (; at < bytes.length && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE; at++)
        power = Math.min(1_000, power * 10 + ((bytes[at] as number) - ZERO));
      if (negative) power = -power;
    }
    const end = bytes[at];
    this.at = at;
    if (!digits || !(end === undefined || end === LF || isGap(end))) {
      this.at = from;
      this.skip();
      return Number.NaN;
    }
    const shift = power - places;
    const scale = POWERS[Math.abs(shift)] ?? 10 ** Math.abs(shift);
    return sign * (shift < 0 ? value / scale : value * scale);
  }

  private skip(): void {
    const { bytes } = this;
    while (this.at < bytes.length && !isGap(bytes[this.at] as number) && bytes[this.at] !== LF) this.at += 1;
  }
}
