/** What a plot is told to show, and the range of y that follows from it. */
import { lowerBound } from "./align";
import type { Line, Mark } from "./lines";
import { extent, padded, type Range, type Scale, withoutOutliers } from "./ranges";

export type PlaceKind = "number" | "time" | "duration";

export interface PlotView {
  lines: Line[];
  /** Draw a heat map in place of lines, apart from those in `strong`. */
  dense: boolean;
  strong: ReadonlySet<string>;
  placeKind: PlaceKind;
  xScale: Scale;
  yScale: Scale;
  zoom: Range | null;
  /** A range of y that holds whatever the values are; null at an end for one from the values. */
  fixed: [number | null, number | null];
  /** Percent of values left out at each end. */
  outliers: number;
  band: boolean;
  marks: Mark[];
  utc: boolean;
}

/** The range of an axis of y, over what is in view. */
export function rangeOfY(view: PlotView, zoom: Range | null, right: boolean, knee: number): Range {
  const { lines, yScale, fixed, outliers, band } = view;
  const positive = yScale === "log";
  const columns = lines
    .filter((line) => line.right === right)
    .flatMap((line) => columnsInView(line, zoom, band && !outliers));
  const found = outliers ? withoutOutliers(columns, outliers, positive) : extent(columns, positive);
  const range = padded(found, yScale, knee);
  if (right) return range;
  const [low, high] = fixed;
  if (low !== null && !(positive && low <= 0)) range[0] = low;
  if (high !== null && !(positive && high <= 0)) range[1] = high;
  if (range[0] >= range[1]) range[1] = range[0] + (Math.abs(range[0]) || 1);
  return range;
}

function columnsInView(line: Line, zoom: Range | null, withBand: boolean): Float64Array[] {
  const columns = [line.y, line.raw, withBand ? line.low : null, withBand ? line.high : null];
  const there = columns.filter((column): column is Float64Array => column !== null);
  if (!zoom) return there;
  const [low, high] = zoom;
  if (line.ascending) {
    const from = lowerBound(line.x, low);
    let end = lowerBound(line.x, high);
    while (end < line.x.length && line.x[end] === high) end += 1;
    return there.map((column) => column.subarray(from, end));
  }
  const inside: number[] = [];
  for (let i = 0; i < line.x.length; i++) if (line.x[i]! >= low && line.x[i]! <= high) inside.push(i);
  return there.map((column) => Float64Array.from(inside, (i) => column[i]!));
}
