/**
 * Smoothing of a curve: new values at the same places. Holes (NaN, ±Infinity) stay holes and take no part. What is
 * smoothed are the values that are held, which are means of buckets where a curve has more points than pixels.
 */

export const SMOOTHINGS = ["none", "ema", "time-ema", "gaussian", "mean", "median"] as const;
export type Smoothing = (typeof SMOOTHINGS)[number];

/** Smooth `y` by `amount` in 0…1; `x` are the places, ascending. The same array comes back where there's nothing to do. */
export function smooth(kind: Smoothing, amount: number, x: Float64Array, y: Float64Array): Float64Array {
  const share = Math.min(0.999, Math.max(0, amount));
  if (kind === "none" || share === 0 || y.length < 3) return y;
  if (kind === "ema") return ema(y, share);
  if (kind === "time-ema") return timeEma(x, y, share);
  const half = Math.max(1, Math.round((share * share * y.length) / 4));
  if (kind === "gaussian") return gaussian(y, half);
  return kind === "mean" ? runningMean(y, half) : runningMedian(y, half);
}

/** Exponential moving average, divided by the weight seen so far: the first values aren't pulled to zero. */
export function ema(y: Float64Array, weight: number): Float64Array {
  const out = new Float64Array(y.length);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const value = y[i]!;
    if (Number.isFinite(value)) {
      sum = sum * weight + value * (1 - weight);
      total = total * weight + (1 - weight);
      out[i] = sum / total;
    } else out[i] = value;
  }
  return out;
}

/** As `ema`, but the weight of the past fades with the distance in x: curves logged at other rates look alike. */
export function timeEma(x: Float64Array, y: Float64Array, weight: number): Float64Array {
  const out = new Float64Array(y.length);
  const span = Math.abs((x.at(-1) ?? 0) - (x[0] ?? 0)) || 1;
  // One thousandth of the range fades as one point does in the plain form.
  const unit = span / 1000;
  let sum = 0;
  let total = 0;
  let before = Number.NaN;
  for (let i = 0; i < y.length; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value)) {
      out[i] = value;
      continue;
    }
    const distance = Number.isNaN(before) ? 1 : Math.max(0, (x[i]! - before) / unit);
    const kept = weight ** distance;
    sum = sum * kept + value * (1 - kept);
    total = total * kept + (1 - kept);
    out[i] = total > 0 ? sum / total : value;
    before = x[i]!;
  }
  return out;
}

/** Weighted by a bell of `half` points to each side (two standard deviations). */
export function gaussian(y: Float64Array, half: number): Float64Array {
  const sd = Math.max(0.5, half / 2);
  const weights = Float64Array.from({ length: half + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sd * sd)));
  const out = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) {
    if (!Number.isFinite(y[i]!)) {
      out[i] = y[i]!;
      continue;
    }
    let sum = 0;
    let total = 0;
    for (let j = Math.max(0, i - half); j <= Math.min(y.length - 1, i + half); j++) {
      if (!Number.isFinite(y[j]!)) continue;
      const weight = weights[Math.abs(i - j)]!;
      sum += y[j]! * weight;
      total += weight;
    }
    out[i] = sum / total;
  }
  return out;
}

/** Mean of `half` points to each side; fewer at the ends. */
export function runningMean(y: Float64Array, half: number): Float64Array {
  const out = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) {
    if (!Number.isFinite(y[i]!)) {
      out[i] = y[i]!;
      continue;
    }
    // Summed anew per place: a running sum would carry rounding of large values along.
    let sum = 0;
    let count = 0;
    for (let j = Math.max(0, i - half); j <= Math.min(y.length - 1, i + half); j++) {
      if (!Number.isFinite(y[j]!)) continue;
      sum += y[j]!;
      count += 1;
    }
    out[i] = sum / count;
  }
  return out;
}

/** Median of `half` points to each side: single spikes leave no trace. */
export function runningMedian(y: Float64Array, half: number): Float64Array {
  const out = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) {
    if (!Number.isFinite(y[i]!)) {
      out[i] = y[i]!;
      continue;
    }
    const near = y
      .slice(Math.max(0, i - half), i + half + 1)
      .filter(Number.isFinite)
      .sort();
    const middle = near.length >> 1;
    out[i] = near.length % 2 ? near[middle]! : (near[middle - 1]! + near[middle]!) / 2;
  }
  return out;
}
