/** Points in a plane: drawing, finding and catching them with a lasso. Nothing of the page. */
import { type Box, drawAxes, type Look, type Scale, shareOf, valueAt } from "./scatterScale";

export interface Points {
  /** Shares of the axes; NaN: not drawn. */
  x: Float64Array;
  y: Float64Array;
  /** Radius in pixels. */
  radius: Float32Array;
  colour: string[];
}

export interface ScatterFrame {
  x: Scale;
  y: Scale;
  xName: string;
  yName: string;
}

export type Point = { x: number; y: number };

export function plotBox(width: number, height: number): Box {
  return { left: 66, top: 8, width: Math.max(40, width - 78), height: Math.max(40, height - 54) };
}

export function pointsOf(
  frame: ScatterFrame,
  columns: { x: readonly (number | string | null)[]; y: readonly (number | string | null)[] },
  style: { radius: Float32Array; colour: string[] },
): Points {
  return {
    x: Float64Array.from(columns.x, (value) => shareOf(frame.x, value)),
    y: Float64Array.from(columns.y, (value) => shareOf(frame.y, value)),
    ...style,
  };
}

/** Radii from values: the area grows with the value, from 3 to 14 pixels; what has none is small. */
export function radiiOf(values: readonly (number | string | null)[] | null, count: number): Float32Array {
  if (!values) return new Float32Array(count).fill(4.5);
  const numbers = values.map((value) => (typeof value === "number" && Number.isFinite(value) ? value : null));
  const there = numbers.filter((value) => value !== null);
  const low = there.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = there.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return Float32Array.from(numbers, (value) => {
    if (value === null) return 2.5;
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return Math.sqrt(9 + share * (196 - 9));
  });
}

const pixel = (plot: Box, x: number, y: number): Point => ({
  x: plot.left + x * plot.width,
  y: plot.top + (1 - y) * plot.height,
});

export function drawScatter(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  frame: ScatterFrame,
  points: Points,
  options: { front?: readonly number[]; lineAt?: (x: number) => number; faint?: Uint8Array | null },
  look: Look,
): void {
  drawAxes(ctx, plot, frame, look);
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.left - 8, plot.top - 8, plot.width + 16, plot.height + 16);
  ctx.clip();
  if (options.lineAt) drawFit(ctx, plot, frame, options.lineAt, look);
  if (options.front?.length) drawFront(ctx, plot, points, options.front, look);
  const alpha = points.x.length > 2_000 ? 0.45 : 0.8;
  for (let i = 0; i < points.x.length; i++) {
    const at = pixel(plot, points.x[i] as number, points.y[i] as number);
    if (Number.isNaN(at.x + at.y)) continue;
    ctx.globalAlpha = options.faint?.[i] ? 0.15 : alpha;
    ctx.fillStyle = points.colour[i] as string;
    ctx.beginPath();
    ctx.arc(at.x, at.y, points.radius[i] as number, 0, Math.PI * 2);
    ctx.fill();
    if (points.x.length <= 500) {
      ctx.globalAlpha = 1;
      ctx.strokeStyle = look.page;
      ctx.lineWidth = 1;
      ctx.stroke();
    }
  }
  ctx.restore();
  ctx.globalAlpha = 1;
}

function drawFit(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  frame: ScatterFrame,
  lineAt: (x: number) => number,
  look: Look,
): void {
  ctx.strokeStyle = look.text;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  const steps = frame.x.log || frame.y.log ? 100 : 1;
  for (let i = 0; i <= steps; i++) {
    const share = shareOf(frame.y, lineAt(valueAt(frame.x, i / steps)));
    if (Number.isNaN(share)) continue;
    const at = pixel(plot, i / steps, share);
    ctx.lineTo(at.x, at.y);
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

function drawFront(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  points: Points,
  front: readonly number[],
  look: Look,
): void {
  ctx.strokeStyle = look.accent;
  ctx.lineWidth = 2;
  ctx.beginPath();
  for (const i of front) {
    const at = pixel(plot, points.x[i] as number, points.y[i] as number);
    ctx.lineTo(at.x, at.y);
  }
  ctx.stroke();
  for (const i of front) {
    const at = pixel(plot, points.x[i] as number, points.y[i] as number);
    ctx.beginPath();
    ctx.arc(at.x, at.y, (points.radius[i] as number) + 3, 0, Math.PI * 2);
    ctx.stroke();
  }
}

/** A ring around one point, and the line of a lasso. */
export function drawRing(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  points: Points,
  i: number,
  look: Look,
): void {
  const at = pixel(plot, points.x[i] as number, points.y[i] as number);
  if (Number.isNaN(at.x + at.y)) return;
  ctx.strokeStyle = look.text;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.arc(at.x, at.y, (points.radius[i] as number) + 2, 0, Math.PI * 2);
  ctx.stroke();
}

export function drawLasso(ctx: CanvasRenderingContext2D, lasso: readonly Point[], look: Look): void {
  if (lasso.length < 2) return;
  ctx.beginPath();
  for (const point of lasso) ctx.lineTo(point.x, point.y);
  ctx.closePath();
  ctx.fillStyle = look.accent;
  ctx.globalAlpha = 0.12;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = look.accent;
  ctx.lineWidth = 1.5;
  ctx.stroke();
}

/** The point under the pointer; -1 if there is none near. */
export function nearestPoint(plot: Box, points: Points, pointer: Point, reach = 10): number {
  let best = -1;
  let bestGap = reach;
  for (let i = 0; i < points.x.length; i++) {
    const at = pixel(plot, points.x[i] as number, points.y[i] as number);
    const gap = Math.hypot(at.x - pointer.x, at.y - pointer.y) - (points.radius[i] as number);
    if (gap < bestGap) {
      bestGap = gap;
      best = i;
    }
  }
  return best;
}

/** Whether a point lies inside a polygon, by how often a ray from it crosses the outline. */
export function inside(point: Point, polygon: readonly Point[]): boolean {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const a = polygon[i] as Point;
    const b = polygon[j] as Point;
    if (a.y > point.y !== b.y > point.y && point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x) {
      within = !within;
    }
  }
  return within;
}

export function caught(plot: Box, points: Points, lasso: readonly Point[]): number[] {
  const found: number[] = [];
  for (let i = 0; i < points.x.length; i++) {
    const at = pixel(plot, points.x[i] as number, points.y[i] as number);
    if (!Number.isNaN(at.x + at.y) && inside(at, lasso)) found.push(i);
  }
  return found;
}
