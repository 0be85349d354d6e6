/** Figures of a line: what a legend says without a pointer. */
import type { Line } from "@/charts/lines";

export interface Figures {
  line: Line;
  last: number;
  min: number;
  max: number;
  mean: number;
  points: number;
}

export function figuresOf(line: Line): Figures {
  const values = line.raw ?? line.y;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let mean = 0;
  let weight = 0;
  let points = 0;
  for (let i = 0; i < values.length; i++) {
    const count = line.runId ? (line.n?.[i] ?? 1) : 1;
    points += count;
    const low = line.runId ? (line.low?.[i] ?? values[i]!) : values[i]!;
    const high = line.runId ? (line.high?.[i] ?? values[i]!) : values[i]!;
    if (low < min) min = low;
    if (high > max) max = high;
    if (!Number.isFinite(values[i]!)) continue;
    weight += count;
    mean += ((values[i]! - mean) * count) / weight;
  }
  const none = Number.NaN;
  return {
    line,
    last: values.length ? values[values.length - 1]! : none,
    min: min <= max ? min : none,
    max: min <= max ? max : none,
    mean: weight ? mean : none,
    points,
  };
}
