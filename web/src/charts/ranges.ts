/** Scales of a panel: how values become places, and which range is shown. */

export const SCALES = ["linear", "log", "symlog"] as const;
export type Scale = (typeof SCALES)[number];
export type Range = [number, number];

/** A value on a scale, before it is stretched to pixels. `knee` is where symlog turns from linear to logarithmic. */
export function forward(scale: Scale, knee: number): (value: number) => number {
  if (scale === "log") return Math.log10;
  if (scale === "symlog") return (value) => Math.asinh(value / knee);
  return (value) => value;
}

export function backward(scale: Scale, knee: number): (place: number) => number {
  if (scale === "log") return (place) => 10 ** place;
  if (scale === "symlog") return (place) => Math.sinh(place) * knee;
  return (place) => place;
}

/** Least and greatest finite value, `positive` ones only if asked; null if there are none. */
export function extent(columns: ArrayLike<number>[], positive = false): Range | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const column of columns) {
    for (let i = 0; i < column.length; i++) {
      const value = column[i]!;
      if (!Number.isFinite(value) || (positive && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/** The range without the `percent` most extreme values at each end. */
export function withoutOutliers(
  columns: ArrayLike<number>[],
  percent: number,
  positive = false,
): Range | null {
  const all: number[] = [];
  for (const column of columns) {
    for (let i = 0; i < column.length; i++) {
      const value = column[i]!;
      if (Number.isFinite(value) && (!positive || value > 0)) all.push(value);
    }
  }
  if (!all.length) return null;
  const sorted = Float64Array.from(all).sort();
  const cut = Math.floor((sorted.length * percent) / 100);
  return [sorted[cut]!, sorted[sorted.length - 1 - cut]!];
}

/** The range with air around it on its scale; a single value gets a range of its own size. */
export function padded(range: Range | null, scale: Scale, knee: number, share = 0.06): Range {
  if (!range) return scale === "log" ? [0.1, 10] : [0, 1];
  let [low, high] = range;
  if (low === high) {
    if (scale === "log") return [low / 2, high * 2];
    const size = Math.abs(low) * 0.1 || 1;
    low -= size;
    high += size;
  }
  const to = forward(scale, knee);
  const from = backward(scale, knee);
  const air = (to(high) - to(low)) * share;
  const result: Range = [from(to(low) - air), from(to(high) + air)];
  return result.every(Number.isFinite) ? result : [low, high];
}

/** Where symlog turns: the size of small values, so that both they and large ones are told apart. */
export function kneeOf(columns: ArrayLike<number>[]): number {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const column of columns) {
    for (let i = 0; i < column.length; i++) {
      const size = Math.abs(column[i]!);
      if (!Number.isFinite(size) || size === 0) continue;
      if (size < least) least = size;
      if (size > most) most = size;
    }
  }
  if (most === 0) return 1;
  return 10 ** Math.floor(Math.log10(Math.max(least, most * 1e-6)));
}

/** The part of a range that a zoom by `factor` around `centre` leaves, on its scale. */
export function zoomed(range: Range, centre: number, factor: number, scale: Scale, knee: number): Range {
  const to = forward(scale, knee);
  const from = backward(scale, knee);
  const middle = to(centre);
  return [from(middle + (to(range[0]) - middle) * factor), from(middle + (to(range[1]) - middle) * factor)];
}
