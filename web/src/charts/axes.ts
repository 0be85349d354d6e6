/** How uPlot draws the axes of our plots. */
import type uPlot from "uplot";
import { formatDuration, formatNumber } from "@/ui/format";
import type { Inks } from "./inks";
import type { PlaceKind } from "./plotView";
import type { Scale } from "./ranges";

const DURATION_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000, 31_536_000,
];
const FONT = "11px system-ui, sans-serif";
const LETTER_PX = 6.4;

export function uplotScale(scale: Scale, knee: number): uPlot.Scale {
  if (scale === "log") return { distr: 3, log: 10 };
  return scale === "symlog" ? { distr: 4, asinh: knee } : { distr: 1 };
}

/** Large steps as 10k, 1.5M: a chart is narrow. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return formatNumber(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(6))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(6))}k`;
  return formatNumber(value);
}

/** A duration without parts that are nothing: 10 min, 1 h 30 min. */
function shortDuration(seconds: number): string {
  return formatDuration(seconds * 1000).replace(/ 0 (s|min|h)$/, "");
}

/** Tick texts; empty ones stay empty (uPlot leaves out ticks of a logarithm that would touch). */
const texts = (splits: (number | null)[], write: (value: number) => string) =>
  splits.map((value) => (value === null ? null : write(value)));

export function makeAxes(ink: Inks, kind: PlaceKind, hasRight: boolean): uPlot.Axis[] {
  const { quiet, line } = ink;
  const look = {
    stroke: quiet,
    font: FONT,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
  };
  const x: uPlot.Axis = {
    ...look,
    scale: "x",
    size: kind === "time" ? 38 : 26,
    gap: 4,
    space: kind === "time" ? 70 : 56,
  };
  if (kind === "number") x.values = (_u, splits) => texts(splits, short);
  if (kind === "duration") {
    x.incrs = DURATION_STEPS;
    x.values = (_u, splits) => texts(splits, (value) => (value === 0 ? "0" : shortDuration(value)));
    x.space = 64;
  }
  const y: uPlot.Axis = {
    ...look,
    scale: "y",
    gap: 4,
    space: 26,
    size: (_u, values) => {
      const longest = Math.max(3, ...(values ?? []).map((value) => String(value ?? "").length));
      return Math.min(96, Math.round(longest * LETTER_PX) + 12);
    },
    values: (_u, splits) => texts(splits, short),
  };
  return hasRight ? [x, y, { ...y, scale: "r", side: 1, grid: { show: false } }] : [x, y];
}
