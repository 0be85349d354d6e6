/** Arithmetic of buckets: what is held of a curve, joined with more of it. */
import type { Buckets } from "@/api/series";

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
  const first = fine.steps[0]!;
  const last = fine.lastSteps[fine.lastSteps.length - 1]!;
  let before = 0;
  while (before < coarse.steps.length && coarse.lastSteps[before]! < first) before += 1;
  let after = coarse.steps.length;
  while (after > before && coarse.steps[after - 1]! > last) after -= 1;
  return joined([slice(coarse, 0, before), fine, slice(coarse, after, coarse.steps.length)]);
}

/** Series told apart by run, key, model and data set. */
export function seriesId(series: Buckets): string {
  return JSON.stringify([series.runId, ...series.series]);
}
