/** What a panel draws: lines, each with places of its own, and what stands at one place of all of them. */
import { lowerBound } from "./align";

export interface Line {
  id: string;
  /** The run it belongs to; null for a group of runs. */
  runId: string | null;
  /** The metric that it shows; null for a computation or a group. */
  key: string | null;
  label: string;
  colour: string;
  x: Float64Array;
  y: Float64Array;
  /** As logged, where `y` is smoothed. */
  raw: Float64Array | null;
  low: Float64Array | null;
  high: Float64Array | null;
  /** Points, or runs, that each place stands for. */
  n: Float64Array | null;
  steps: Float64Array | null;
  /** Milliseconds since 1970. */
  times: Float64Array | null;
  dash: number[];
  width: number;
  /** Measured at the right axis. */
  right: boolean;
  isBaseline: boolean;
  /** Whether `x` never runs backwards. */
  ascending: boolean;
}

/** An event at a place: a vertical mark, or a ring on a point. */
export interface Mark {
  id: string;
  x: number;
  /** The value of the point; null for the whole height. */
  y: number | null;
  /** Whether that value is measured at the right axis. */
  right: boolean;
  label: string;
  colour: string;
}

export interface Reading {
  line: Line;
  at: number;
  value: number;
}

export function isAscending(x: Float64Array): boolean {
  for (let i = 1; i < x.length; i++) if (x[i]! < x[i - 1]!) return false;
  return true;
}

/** The index of the place nearest to `at`; -1 if the line has none. */
export function nearestPlace(line: Line, at: number): number {
  const { x } = line;
  if (!x.length) return -1;
  if (!line.ascending) {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < x.length; i++) {
      const distance = Math.abs(x[i]! - at);
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  }
  const right = lowerBound(x, at);
  if (right === 0) return 0;
  if (right === x.length) return right - 1;
  return at - x[right - 1]! <= x[right]! - at ? right - 1 : right;
}

/** What each line says at `at`, the greatest first; lines that don't reach there by `slack` are left out. */
export function readAt(lines: Line[], at: number, slack = 0): Reading[] {
  const found: Reading[] = [];
  for (const line of lines) {
    const index = nearestPlace(line, at);
    if (index < 0) continue;
    if (at < line.x[0]! - slack || (line.ascending && at > line.x[line.x.length - 1]! + slack)) continue;
    found.push({ line, at: index, value: line.y[index]! });
  }
  return found.sort((a, b) => order(b.value) - order(a.value));
}

function order(value: number): number {
  return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
}

/** The first and one past the last index that may be seen in a range of x, with a neighbour at each side. */
export function seen(line: Line, low: number, high: number): [number, number] {
  if (!line.ascending) return [0, line.x.length];
  const start = Math.max(0, lowerBound(line.x, low) - 1);
  let end = lowerBound(line.x, high);
  while (end < line.x.length && line.x[end] === high) end += 1;
  return [start, Math.min(line.x.length, end + 1)];
}
