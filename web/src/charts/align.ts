/** Curves with other places brought onto common ones, and many curves as one with a band. */

export interface Curve {
  x: Float64Array;
  y: Float64Array;
}

export const AGGREGATES = ["mean", "median"] as const;
export const SPREADS = ["sd", "minmax", "quantile"] as const;
export type Aggregate = (typeof AGGREGATES)[number];
export type Spread = (typeof SPREADS)[number];

export interface GroupCurve extends Curve {
  low: Float64Array;
  high: Float64Array;
  /** Curves that reach each place. */
  n: Float64Array;
}

/** First index whose value is at least `value`, in an ascending array. */
export function lowerBound(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The curve's value between its neighbours at `at`; NaN outside of its range or beside a hole. */
export function valueAt(curve: Curve, at: number): number {
  const { x, y } = curve;
  const right = lowerBound(x, at);
  if (right === x.length) return Number.NaN;
  if (x[right] === at) return y[right]!;
  if (right === 0) return Number.NaN;
  const x0 = x[right - 1]!;
  const share = (at - x0) / (x[right]! - x0);
  return y[right - 1]! + (y[right]! - y[right - 1]!) * share;
}

/** The curve at each of these places, as `valueAt`; they ascend, or begin anew a few times. */
export function resample(curve: Curve, places: Float64Array): Float64Array {
  const { x, y } = curve;
  const out = new Float64Array(places.length).fill(Number.NaN);
  let right = 0;
  for (let i = 0; i < places.length; i++) {
    const at = places[i]!;
    if (i > 0 && at < places[i - 1]!) right = 0;
    while (right < x.length && x[right]! < at) right += 1;
    if (right === x.length) continue;
    if (x[right] === at) out[i] = y[right]!;
    else if (right > 0) {
      const x0 = x[right - 1]!;
      out[i] = y[right - 1]! + ((y[right]! - y[right - 1]!) * (at - x0)) / (x[right]! - x0);
    }
  }
  return out;
}

/** Places for a group: those of its curves where they are few, else `most` at equal distances. */
export function commonPlaces(curves: Curve[], most: number): Float64Array {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const all = new Set<number>();
  for (const { x } of curves) {
    if (!x.length) continue;
    low = Math.min(low, x[0]!);
    high = Math.max(high, x[x.length - 1]!);
    if (all.size <= most) for (const place of x) all.add(place);
  }
  if (all.size <= most) return Float64Array.from(all).sort();
  return Float64Array.from({ length: most }, (_, i) => low + ((high - low) * i) / (most - 1));
}

/** Many curves as one: at each place the mean or median of those that reach it, and how far they spread. */
export function aggregate(curves: Curve[], how: Aggregate, spread: Spread, most = 400): GroupCurve {
  const places = commonPlaces(curves, most);
  const rows = curves.map((curve) => resample(curve, places));
  const y = new Float64Array(places.length);
  const low = new Float64Array(places.length);
  const high = new Float64Array(places.length);
  const n = new Float64Array(places.length);
  const here: number[] = [];
  for (let i = 0; i < places.length; i++) {
    here.length = 0;
    for (const row of rows) if (Number.isFinite(row[i]!)) here.push(row[i]!);
    here.sort((a, b) => a - b);
    n[i] = here.length;
    const mean = here.reduce((sum, value) => sum + value / here.length, 0);
    const centre = here.length === 0 ? Number.NaN : how === "mean" ? mean : quantile(here, 0.5);
    y[i] = centre;
    if (spread === "sd") {
      const squares = here.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const sd = here.length > 1 ? Math.sqrt(squares / (here.length - 1)) : 0;
      low[i] = centre - sd;
      high[i] = centre + sd;
    } else {
      low[i] = quantile(here, spread === "minmax" ? 0 : 0.25);
      high[i] = quantile(here, spread === "minmax" ? 1 : 0.75);
    }
  }
  return { x: places, y, low, high, n };
}

/** A quantile of ascending numbers, between neighbours; NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (!sorted.length) return Number.NaN;
  const at = share * (sorted.length - 1);
  const left = Math.floor(at);
  const a = sorted[left]!;
  const b = sorted[Math.min(left + 1, sorted.length - 1)]!;
  return a + (b - a) * (at - left);
}
