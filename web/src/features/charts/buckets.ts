/** Arithmetic of buckets: what is held of a curve, joined with more of it. */
import type { Buckets } from "@/api/series";
import { isAscending } from "@/charts/lines";

const COLUMNS = ["steps", "lastSteps", "timestamps", "min", "max", "mean", "last", "counts"] as const;

export function sizeOf(series: Buckets): number {
  return series.steps.length * COLUMNS.length * 8;
}

/** Whether a series is held in buckets of several points although there are no more than `most`. */
export function fewPoints(series: Buckets, most: number): boolean {
  let points = 0;
  let merged = false;
  for (const count of series.counts) {
    points += count;
    merged ||= count > 1;
  }
  return merged && points <= most;
}

function joined(pieces: Buckets[]): Buckets {
  const result = { ...pieces[0]! };
  const length = pieces.reduce((sum, piece) => sum + piece.steps.length, 0);
  for (const column of COLUMNS) {
    const whole = new Float64Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece[column], at);
      at += piece[column].length;
    }
    result[column] = whole;
  }
  return result;
}

function slice(series: Buckets, from: number, end: number): Buckets {
  const result = { ...series };
  for (const column of COLUMNS) result[column] = series[column].subarray(from, end);
  return result;
}

/** The series with the buckets behind its end; null where one of them reaches across it. */
export function appendBuckets(series: Buckets, news: Buckets): Buckets | null {
  const end = series.lastSteps.at(-1) ?? Number.NEGATIVE_INFINITY;
  let from = 0;
  while (from < news.steps.length && news.lastSteps[from]! <= end) from += 1;
  if (from < news.steps.length && news.steps[from]! <= end) return null;
  return joined([series, slice(news, from, news.steps.length)]);
}

/** A curve that is fine where it was looked at closely, and coarse before and after. */
export function spliced(coarse: Buckets, fine: Buckets): Buckets {
  if (!fine.steps.length) return coarse;
  if (isBranched(coarse) || isBranched(fine)) return splicedBranches(coarse, fine);
  const first = fine.steps[0]!;
  const last = fine.lastSteps[fine.lastSteps.length - 1]!;
  let before = 0;
  while (before < coarse.steps.length && coarse.lastSteps[before]! < first) before += 1;
  let after = coarse.steps.length;
  while (after > before && coarse.steps[after - 1]! > last) after -= 1;
  return joined([slice(coarse, 0, before), fine, slice(coarse, after, coarse.steps.length)]);
}

/** The same of a run that was started again: what lies outside is found bucket by bucket, and time orders it all. */
function splicedBranches(coarse: Buckets, fine: Buckets): Buckets {
  const first = Math.min(...fine.steps);
  const last = Math.max(...fine.lastSteps);
  const pieces = [fine];
  for (let i = 0; i < coarse.steps.length; i++) {
    if (coarse.lastSteps[i]! < first || coarse.steps[i]! > last) pieces.push(slice(coarse, i, i + 1));
  }
  return inTimeOrder(joined(pieces));
}

/** Series told apart by run, key, model and data set. */
export function seriesId(series: Buckets): string {
  return JSON.stringify([series.runId, ...series.series]);
}

/** Whether its branches stand one after the other. */
export const isBranched = (series: Buckets) => !isAscending(series.steps);

function ordered(series: Buckets, by: (a: number, b: number) => number): Buckets {
  const order = Array.from(series.steps, (_, i) => i).sort(by);
  const result = { ...series };
  for (const column of COLUMNS) result[column] = Float64Array.from(order, (i) => series[column][i]!);
  return result;
}

/** The series by step, as those who look values up at steps need it; where branches overlap, what both say. */
export function inStepOrder(series: Buckets): Buckets {
  if (!isBranched(series)) return series;
  const { steps, timestamps } = series;
  const all = ordered(series, (a, b) => steps[a]! - steps[b]! || timestamps[a]! - timestamps[b]!);
  let end = 0;
  for (let i = 1; i < all.steps.length; i++) {
    if (all.steps[i]! <= all.lastSteps[end]!) unite(all, end, i);
    else {
      end += 1;
      for (const column of COLUMNS) all[column][end] = all[column][i]!;
    }
  }
  return slice(all, 0, end + 1);
}

/** A bucket of all the points of two of them, in the place of the first. */
function unite({ lastSteps, timestamps, min, max, mean, last, counts }: Buckets, to: number, from: number) {
  const share = counts[from]! / (counts[to]! + counts[from]!);
  const [a, b] = [mean[to]!, mean[from]!];
  mean[to] = Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + (b - a) * share;
  const both = (pick: (...values: number[]) => number, [x, y]: [number, number]) =>
    Number.isNaN(x) ? y : Number.isNaN(y) ? x : pick(x, y);
  min[to] = both(Math.min, [min[to]!, min[from]!]);
  max[to] = both(Math.max, [max[to]!, max[from]!]);
  if (timestamps[from]! >= timestamps[to]!) last[to] = last[from]!;
  timestamps[to] = Math.max(timestamps[to]!, timestamps[from]!);
  lastSteps[to] = Math.max(lastSteps[to]!, lastSteps[from]!);
  counts[to]! += counts[from]!;
}

/** The series by time: one branch after the other. */
export function inTimeOrder(series: Buckets): Buckets {
  const { steps, timestamps } = series;
  if (isAscending(timestamps)) return series;
  return ordered(series, (a, b) => timestamps[a]! - timestamps[b]! || steps[a]! - steps[b]!);
}
