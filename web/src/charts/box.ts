/** Boxes and violins: how a metric spreads within each category. Nothing of the page. */
import { type Box, drawAxes, type Look, type Scale, shareOf, valueAt } from "./scatterScale";

export interface Spread {
  name: string;
  colour: string;
  values: number[];
  q1: number;
  median: number;
  q3: number;
  /** The last values within one and a half boxes of the box. */
  low: number;
  high: number;
  outliers: number[];
}

export interface BoxFrame {
  x: Scale;
  y: Scale;
  xName: string;
  yName: string;
}

const MAX_DOTS = 200;

/** A value between the sorted ones, as spreadsheets and NumPy give it by default. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (high - low) * (at - Math.floor(at));
}

export function spreadOf(name: string, colour: string, given: readonly number[]): Spread {
  const values = [...given].sort((a, b) => a - b);
  const q1 = quantile(values, 0.25);
  const q3 = quantile(values, 0.75);
  const reach = 1.5 * (q3 - q1);
  const within = values.filter((value) => value >= q1 - reach && value <= q3 + reach);
  return {
    name,
    colour,
    values,
    q1,
    median: quantile(values, 0.5),
    q3,
    low: within[0] ?? q1,
    high: within[within.length - 1] ?? q3,
    outliers: values.filter((value) => value < q1 - reach || value > q3 + reach),
  };
}

/** How dense values lie at shares of the axis: a sum of normal curves, as wide as Silverman's rule says. */
export function densities(scale: Scale, values: readonly number[], count = 64): Float64Array {
  const shares = values.map((value) => shareOf(scale, value)).filter((share) => !Number.isNaN(share));
  const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
  const sd = Math.sqrt(
    shares.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, shares.length - 1),
  );
  const sorted = [...shares].sort((a, b) => a - b);
  const iqr = sorted.length ? quantile(sorted, 0.75) - quantile(sorted, 0.25) : 0;
  const spread = Math.min(sd || iqr, (iqr || sd * 1.34) / 1.34) || 0.02;
  const width = Math.max(0.01, 0.9 * spread * shares.length ** -0.2);
  return Float64Array.from({ length: count }, (_, i) => {
    const at = i / (count - 1);
    return shares.reduce((sum, one) => sum + Math.exp(-(((at - one) / width) ** 2) / 2), 0);
  });
}

export function drawSpreads(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  frame: BoxFrame,
  spreads: readonly Spread[],
  violin: boolean,
  look: Look,
): void {
  drawAxes(ctx, plot, frame, look);
  const slot = plot.width / Math.max(1, spreads.length);
  const half = Math.min(60, slot * 0.35);
  const yOf = (value: number) => plot.top + (1 - shareOf(frame.y, value)) * plot.height;
  for (const spread of spreads) {
    const x = plot.left + shareOf(frame.x, spread.name) * plot.width;
    if (violin) drawViolin(ctx, plot, frame.y, spread, { x, half });
    else drawBox(ctx, spread, { x, half }, yOf, look);
    ctx.strokeStyle = look.text;
    ctx.lineWidth = 2;
    line(
      ctx,
      x - half * (violin ? 0.4 : 1),
      yOf(spread.median),
      x + half * (violin ? 0.4 : 1),
      yOf(spread.median),
    );
    drawDots(ctx, violin ? spread.values : spread.outliers, spread.values.length <= 40 ? spread.values : [], {
      x,
      yOf,
      colour: look.text,
    });
  }
  ctx.globalAlpha = 1;
}

function line(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function drawBox(
  ctx: CanvasRenderingContext2D,
  spread: Spread,
  place: { x: number; half: number },
  yOf: (value: number) => number,
  look: Look,
): void {
  const { x, half } = place;
  ctx.strokeStyle = look.quiet;
  ctx.lineWidth = 1.5;
  line(ctx, x, yOf(spread.low), x, yOf(spread.q1));
  line(ctx, x, yOf(spread.q3), x, yOf(spread.high));
  line(ctx, x - half / 2, yOf(spread.low), x + half / 2, yOf(spread.low));
  line(ctx, x - half / 2, yOf(spread.high), x + half / 2, yOf(spread.high));
  const top = yOf(spread.q3);
  const height = Math.max(1, yOf(spread.q1) - top);
  ctx.fillStyle = spread.colour;
  ctx.globalAlpha = 0.35;
  ctx.fillRect(x - half, top, half * 2, height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = spread.colour;
  ctx.strokeRect(x - half, top, half * 2, height);
}

function drawViolin(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  scale: Scale,
  spread: Spread,
  place: { x: number; half: number },
): void {
  const dense = densities(scale, spread.values);
  const most = dense.reduce((a, b) => Math.max(a, b), 0) || 1;
  const low = shareOf(scale, spread.values[0] ?? valueAt(scale, 0)) - 0.05;
  const high = shareOf(scale, spread.values[spread.values.length - 1] ?? valueAt(scale, 1)) + 0.05;
  ctx.beginPath();
  const outline = (side: 1 | -1, i: number) => {
    const share = i / (dense.length - 1);
    if (share < low || share > high) return;
    ctx.lineTo(
      place.x + (side * place.half * (dense[i] as number)) / most,
      plot.top + (1 - share) * plot.height,
    );
  };
  for (let i = 0; i < dense.length; i++) outline(1, i);
  for (let i = dense.length - 1; i >= 0; i--) outline(-1, i);
  ctx.closePath();
  ctx.fillStyle = spread.colour;
  ctx.globalAlpha = 0.35;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = spread.colour;
  ctx.lineWidth = 1.5;
  ctx.stroke();
}

function drawDots(
  ctx: CanvasRenderingContext2D,
  outliers: readonly number[],
  few: readonly number[],
  place: { x: number; yOf: (value: number) => number; colour: string },
): void {
  ctx.fillStyle = place.colour;
  ctx.globalAlpha = 0.6;
  for (const value of (few.length ? few : outliers).slice(0, MAX_DOTS)) {
    ctx.beginPath();
    ctx.arc(place.x, place.yOf(value), 2, 0, Math.PI * 2);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}
