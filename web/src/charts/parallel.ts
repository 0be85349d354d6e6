/** Parallel coordinates: one line a run over several axes. Geometry, brushes and drawing; nothing of the page. */
import { scaleColour } from "./colours";
import {
  type AxisValue,
  fitted,
  type Look,
  type Scale,
  scaleOf,
  shareOf,
  ticksOf,
  valueAt,
} from "./scatterScale";

/** What is kept on an axis: from one number to another, or some categories. */
export type Brush = [number, number] | string[];

export interface ParallelAxis {
  id: string;
  name: string;
  values: AxisValue[];
  scale: Scale;
  /** Height of each run's line on the axis, 0 to 1; -1 where it has no value. */
  heights: Float32Array;
}

export const NO_VALUE = -1;
/** Of a category's share of the axis, how much its lines fill: the gaps tell categories apart. */
const BAND = 0.7;
const COLOURS = 24;

/** An axis; lines of one category lie side by side in a band, in the order given by `order`. */
export function parallelAxis(
  id: string,
  name: string,
  values: AxisValue[],
  options: { log?: boolean | "auto"; order?: readonly number[] } = {},
): ParallelAxis {
  const scale = scaleOf(values, options.log);
  const heights = new Float32Array(values.length).fill(NO_VALUE);
  if (scale.kind === "number") {
    values.forEach((value, i) => {
      const share = shareOf(scale, value);
      if (!Number.isNaN(share)) heights[i] = share;
    });
    return { id, name, values, scale, heights };
  }
  const counts = new Map<string, number>();
  for (const value of values)
    if (value !== null) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  const seen = new Map<string, number>();
  const band = BAND / scale.categories.length;
  const order = options.order ?? values.map((_, i) => i);
  for (const i of order) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    const key = String(value);
    const place = seen.get(key) ?? 0;
    seen.set(key, place + 1);
    const within = (place + 0.5) / (counts.get(key) ?? 1) - 0.5;
    heights[i] = shareOf(scale, key) + within * band;
  }
  return { id, name, values, scale, heights };
}

/** Whether the brush keeps the value. */
export function keeps(brush: Brush, value: AxisValue): boolean {
  if (value === null) return false;
  if (typeof brush[0] === "number") {
    const [low, high] = brush as [number, number];
    return typeof value === "number" && value >= low && value <= high;
  }
  return (brush as string[]).includes(String(value));
}

/** Which lines all brushes keep; null if there is no brush on any of the axes. */
export function brushed(
  axes: readonly ParallelAxis[],
  brushes: Record<string, Brush> | undefined,
): Uint8Array | null {
  const active = axes.flatMap((axis) => {
    const brush = brushes?.[axis.id];
    return brush ? [{ axis, brush }] : [];
  });
  if (!active.length) return null;
  const kept = new Uint8Array(axes[0]?.values.length ?? 0).fill(1);
  for (const { axis, brush } of active) {
    const names = typeof brush[0] === "string" ? new Set(brush as string[]) : null;
    axis.values.forEach((value, i) => {
      if (kept[i] && !(names ? value !== null && names.has(String(value)) : keeps(brush, value))) kept[i] = 0;
    });
  }
  return kept;
}

/** The brush that a stretch of an axis means, shares from 0 to 1; null if it holds nothing. */
export function brushAt(scale: Scale, from: number, to: number): Brush | null {
  const low = Math.max(0, Math.min(from, to));
  const high = Math.min(1, Math.max(from, to));
  if (scale.kind === "number") return [valueAt(scale, low), valueAt(scale, high)];
  const half = 0.5 / Math.max(1, scale.categories.length);
  const names = scale.categories.filter((one) => {
    const place = shareOf(scale, one);
    return place + half * BAND >= low && place - half * BAND <= high;
  });
  return names.length ? names : null;
}

/** The stretches of an axis that a brush keeps, as shares. */
export function brushSpans(scale: Scale, brush: Brush): [number, number][] {
  if (typeof brush[0] === "number") {
    const [low, high] = brush as [number, number];
    const span = [shareOf(scale, low), shareOf(scale, high)] as [number, number];
    return span.some(Number.isNaN) ? [] : [[Math.max(-0.02, span[0]), Math.min(1.02, span[1])]];
  }
  const half = 0.5 / Math.max(1, scale.categories.length);
  return (brush as string[]).flatMap((one): [number, number][] => {
    const place = shareOf(scale, one);
    return Number.isNaN(place) ? [] : [[place - half, place + half]];
  });
}

export interface ParallelLayout {
  /** Middle of each axis. */
  x: number[];
  top: number;
  bottom: number;
  /** Where lines without a value pass. */
  none: number;
}

export function parallelLayout(count: number, width: number, height: number): ParallelLayout {
  const margin = Math.min(70, width / (2 * Math.max(1, count)));
  const step = count > 1 ? (width - 2 * margin) / (count - 1) : 0;
  return {
    x: Array.from({ length: count }, (_, i) => (count > 1 ? margin + i * step : width / 2)),
    top: 10,
    bottom: height - 34,
    none: height - 14,
  };
}

export function lineY(layout: ParallelLayout, height: number): number {
  return height === NO_VALUE ? layout.none : layout.bottom - height * (layout.bottom - layout.top);
}

/** Bin of each run's colour; -1 for those without a value. Categories get bins of their own, over and over. */
export function colourBins(scale: Scale, values: readonly AxisValue[]): Int8Array {
  return Int8Array.from(values, (value) => {
    const share = shareOf(scale, value);
    return Number.isNaN(share) ? -1 : Math.round(Math.min(1, Math.max(0, share)) * (COLOURS - 1));
  });
}

export const binColour = (bin: number, look: Look): string =>
  bin < 0 ? look.edge : scaleColour(bin / (COLOURS - 1), look.dark);

function trace(
  ctx: CanvasRenderingContext2D,
  axes: readonly ParallelAxis[],
  layout: ParallelLayout,
  i: number,
): void {
  for (let a = 0; a < axes.length; a++) {
    const x = layout.x[a] as number;
    const y = lineY(layout, axes[a]?.heights[i] ?? NO_VALUE);
    if (a === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  }
}

/** All lines: what brushes drop stays faint behind. One path per colour, which is what makes 10,000 cheap. */
export function drawLines(
  ctx: CanvasRenderingContext2D,
  axes: readonly ParallelAxis[],
  layout: ParallelLayout,
  lines: { bins: Int8Array; kept: Uint8Array | null },
  look: Look,
): void {
  const count = lines.bins.length;
  if (lines.kept) {
    ctx.globalAlpha = count > 1_000 ? 0.08 : 0.2;
    ctx.strokeStyle = look.edge;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let i = 0; i < count; i++) if (!lines.kept[i]) trace(ctx, axes, layout, i);
    ctx.stroke();
  }
  const shown = lines.kept ? lines.kept.reduce((sum, one) => sum + one, 0) : count;
  ctx.globalAlpha = Math.max(0.12, Math.min(0.9, 60 / Math.sqrt(shown + 1) / 4));
  ctx.lineWidth = shown > 500 ? 1 : 1.5;
  const byBin = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    if (lines.kept && !lines.kept[i]) continue;
    const bin = lines.bins[i] as number;
    const list = byBin.get(bin);
    if (list) list.push(i);
    else byBin.set(bin, [i]);
  }
  for (const [bin, list] of [...byBin].sort(([a], [b]) => a - b)) {
    ctx.strokeStyle = binColour(bin, look);
    ctx.beginPath();
    for (const i of list) trace(ctx, axes, layout, i);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** One line over the others. */
export function drawLine(
  ctx: CanvasRenderingContext2D,
  axes: readonly ParallelAxis[],
  layout: ParallelLayout,
  line: { index: number; colour: string; dash?: number[] },
  look: Look,
): void {
  for (const [width, colour] of [
    [6, look.page],
    [3, line.colour],
  ] as const) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.setLineDash(width === 3 ? (line.dash ?? []) : []);
    ctx.beginPath();
    trace(ctx, axes, layout, line.index);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

/** Axes with their numbers, and the brushes on them. */
export function drawParallelAxes(
  ctx: CanvasRenderingContext2D,
  axes: readonly ParallelAxis[],
  layout: ParallelLayout,
  brushes: Record<string, Brush> | undefined,
  look: Look,
): void {
  ctx.font = look.font;
  ctx.textBaseline = "middle";
  const room = Math.max(24, (layout.x[1] ?? (layout.x[0] ?? 0) * 2) - (layout.x[0] ?? 0) - 16);
  axes.forEach((axis, a) => {
    const x = Math.round(layout.x[a] as number) + 0.5;
    ctx.strokeStyle = look.edge;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(x, layout.top);
    ctx.lineTo(x, layout.bottom);
    ctx.stroke();
    ctx.textAlign = a === axes.length - 1 && axes.length > 1 ? "right" : "left";
    const side = ctx.textAlign === "right" ? -7 : 7;
    for (const tick of ticksOf(axis.scale, 8)) {
      const y = lineY(layout, tick.share);
      const label = fitted(ctx, tick.label, room);
      ctx.strokeStyle = look.page;
      ctx.lineWidth = 3;
      ctx.strokeText(label, x + side, y);
      ctx.fillStyle = look.text;
      ctx.fillText(label, x + side, y);
      ctx.fillRect(x - 3, y - 0.5, 6, 1);
    }
    const brush = brushes?.[axis.id];
    if (!brush) return;
    for (const [low, high] of brushSpans(axis.scale, brush)) {
      const y = layout.bottom - high * (layout.bottom - layout.top);
      const size = Math.max(3, (high - low) * (layout.bottom - layout.top));
      ctx.fillStyle = look.accent;
      ctx.globalAlpha = 0.25;
      ctx.fillRect(x - 8, y, 16, size);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = look.accent;
      ctx.lineWidth = 1.5;
      ctx.strokeRect(x - 8, y, 16, size);
    }
  });
}

/** The line nearest to a point, among those kept; -1 if none is near. */
export function nearestLine(
  axes: readonly ParallelAxis[],
  layout: ParallelLayout,
  point: { x: number; y: number },
  kept: Uint8Array | null,
  reach = 8,
): number {
  let a = 0;
  while (a < axes.length - 2 && point.x > (layout.x[a + 1] as number)) a += 1;
  const from = axes[a];
  const to = axes[a + 1] ?? from;
  if (!from || !to) return -1;
  const x1 = layout.x[a] as number;
  const x2 = layout.x[a + 1] ?? x1 + 1;
  const t = Math.min(1, Math.max(0, (point.x - x1) / (x2 - x1)));
  let best = -1;
  let bestGap = reach;
  for (let i = 0; i < from.heights.length; i++) {
    if (kept && !kept[i]) continue;
    const y1 = lineY(layout, from.heights[i] as number);
    const y2 = lineY(layout, to.heights[i] as number);
    const gap = Math.abs(y1 + (y2 - y1) * t - point.y);
    if (gap < bestGap) {
      bestGap = gap;
      best = i;
    }
  }
  return best;
}
