/** Points and triangles in space as they are drawn, and what keeps a file that lies from filling the memory. */

export const MAX_POINTS = 1_000_000;
export const MAX_TRIANGLES = 1_000_000;

export interface Shape {
  /** x, y, z of each point; what is no finite number is not drawn. */
  points: Float32Array<ArrayBuffer>;
  /** Red, green, blue of each point. */
  colours: Uint8Array<ArrayBuffer> | null;
  /** Three points of each triangle. */
  triangles: Uint32Array<ArrayBuffer>;
  /** How many the file has, as far as it tells; more than are drawn where it is too large. */
  totalPoints: number;
  totalTriangles: number;
  up: "y" | "z";
}

/** Why a file is not drawn, in one sentence for people. */
export class Refusal extends Error {}

/** Numbers that grow as they come, never beyond what is drawn. */
export class Growing {
  private values = new Float32Array(3 * 4_096);
  length = 0;

  push(x: number, y: number, z: number): void {
    if (this.length + 3 > this.values.length) {
      const larger = new Float32Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = x;
    this.values[this.length++] = y;
    this.values[this.length++] = z;
  }

  get(): Float32Array<ArrayBuffer> {
    return this.values.slice(0, this.length);
  }
}

/** Colours as bytes: files write them from 0 to 1, or from 0 to 255. */
export function colourBytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  const factor = most <= 1 ? 255 : 1;
  return Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.round(value * factor) || 0)));
}

const STOPS = [
  [52, 84, 160],
  [24, 138, 148],
  [70, 160, 84],
  [205, 132, 40],
] as const;

/** Red, green, blue for a share of 0 to 1, to be seen on light and dark. */
export function ramp(share: number): [number, number, number] {
  const at = Math.max(0, Math.min(1, share || 0)) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  const [from, to] = [STOPS[low], STOPS[low + 1]] as [readonly number[], readonly number[]];
  const part = (i: number) => Math.round((from[i] ?? 0) + ((to[i] ?? 0) - (from[i] ?? 0)) * (at - low));
  return [part(0), part(1), part(2)];
}

/** A colour for each of some values, from the least to the greatest. */
export function rampOf(count: number, value: (at: number) => number): Uint8Array<ArrayBuffer> {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < count; i++) {
    const one = value(i);
    if (!Number.isFinite(one)) continue;
    if (one < least) least = one;
    if (one > most) most = one;
  }
  const table = Array.from({ length: 256 }, (_, i) => ramp(i / 255));
  const span = most - least || 1;
  const colours = new Uint8Array(3 * count);
  for (let i = 0; i < count; i++) {
    const at = Math.round((255 * (value(i) - least)) / span);
    colours.set(table[at] ?? [128, 128, 128], 3 * i);
  }
  return colours;
}
