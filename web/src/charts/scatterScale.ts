/** Scales of comparing charts: where a value lies between an axis's ends. Numbers, logarithms or categories. Pure. */
import { formatNumber } from "@/ui/format";

export interface Scale {
  kind: "number" | "category";
  log: boolean;
  /** Ends of a number axis, in values. */
  low: number;
  high: number;
  categories: string[];
  /** Whether a logarithmic axis is possible: all values are above zero. */
  canLog: boolean;
  places: Map<string, number>;
}

export type AxisValue = number | string | null;

const collator = new Intl.Collator(undefined, { numeric: true });

/** A logarithmic axis helps where the ends are this far apart and half of the values crowd near the lower one. */
const WIDE = 100;
const CROWDED = 0.1;

function isCrowded(values: readonly AxisValue[], low: number, high: number): boolean {
  if (low <= 0 || high / low < WIDE) return false;
  const border = low + (high - low) * CROWDED;
  const numbers = values.filter((value) => typeof value === "number" && Number.isFinite(value)) as number[];
  return numbers.filter((value) => value < border).length * 2 > numbers.length;
}

/** A scale over values; texts make it one of categories. `log`: where it is possible; `auto`: where it helps. */
export function scaleOf(values: readonly AxisValue[], log: boolean | "auto" = false): Scale {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const texts = new Set<string>();
  for (const value of values) {
    if (typeof value === "string") texts.add(value);
    else if (value !== null && Number.isFinite(value)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (texts.size) {
    for (const value of values) if (typeof value === "number") texts.add(String(value));
    const categories = [...texts].sort(collator.compare);
    const places = new Map(categories.map((one, i) => [one, (i + 0.5) / categories.length]));
    return { kind: "category", log: false, low: 0, high: 1, categories, canLog: false, places };
  }
  if (low > high) [low, high] = [0, 1];
  const canLog = low > 0;
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    [low, high] = canLog ? [low / 2, high * 2] : [low - room, high + room];
  }
  const isLog = canLog && (log === "auto" ? isCrowded(values, low, high) : log);
  return { kind: "number", log: isLog, low, high, categories: [], canLog, places: new Map() };
}

/** The scale with room at both ends, so that marks are not cut. */
export function padded(scale: Scale, share = 0.04): Scale {
  if (scale.kind === "category") return scale;
  return { ...scale, low: valueAt(scale, -share), high: valueAt(scale, 1 + share) };
}

/** Where a value lies, 0 to 1; NaN if it has no place. */
export function shareOf(scale: Scale, value: AxisValue): number {
  if (value === null) return Number.NaN;
  if (scale.kind === "category") return scale.places.get(String(value)) ?? Number.NaN;
  if (typeof value !== "number" || !Number.isFinite(value)) return Number.NaN;
  if (scale.log) return Math.log(value / scale.low) / Math.log(scale.high / scale.low);
  return (value - scale.low) / (scale.high - scale.low);
}

/** The number at a share of the axis. */
export function valueAt(scale: Scale, share: number): number {
  if (scale.log) return scale.low * (scale.high / scale.low) ** share;
  return scale.low + (scale.high - scale.low) * share;
}

export interface Tick {
  share: number;
  label: string;
}

function niceStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough) ?? 10;
  return factor * power;
}

/** Round values along the axis; of many categories some. */
export function ticksOf(scale: Scale, count: number): Tick[] {
  if (scale.kind === "category") {
    const each = Math.ceil(scale.categories.length / Math.max(1, count));
    return scale.categories.flatMap((label, i) =>
      i % each === 0 ? [{ share: scale.places.get(label) ?? 0, label }] : [],
    );
  }
  const found: number[] = [];
  const decades = scale.log ? Math.log10(scale.high / scale.low) : 0;
  if (scale.log && decades >= 1) {
    const each = Math.ceil(decades / count);
    const within = decades < count / 2 ? [1, 2, 5] : [1];
    for (let p = Math.floor(Math.log10(scale.low)); p <= Math.log10(scale.high); p += each) {
      for (const factor of within) found.push(factor * 10 ** p);
    }
  } else {
    const step = niceStep(scale.high - scale.low, count);
    // By whole multiples: sums of steps would carry their errors into the labels.
    for (let i = Math.ceil(scale.low / step); i * step <= scale.high && found.length < 100; i++) {
      found.push(Number((i * step).toPrecision(12)));
    }
  }
  return found.flatMap((value) => {
    const share = shareOf(scale, value);
    return share >= -1e-9 && share <= 1 + 1e-9 ? [{ share, label: formatNumber(value) }] : [];
  });
}

/** A text that fits a width, cut in its middle as names mostly differ at their ends. */
export function fitted(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  const shown = text.length > 200 ? `${text.slice(0, 100)}…${text.slice(-100)}` : text;
  if (ctx.measureText(shown).width <= width) return shown;
  let low = 0;
  let high = shown.length;
  const cut = (n: number) =>
    `${shown.slice(0, Math.ceil(n / 2))}…${n > 1 ? shown.slice(-Math.floor(n / 2)) : ""}`;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (ctx.measureText(cut(middle)).width <= width) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}

/** Colours and letters of the page, for a canvas. */
export interface Look {
  dark: boolean;
  text: string;
  quiet: string;
  line: string;
  edge: string;
  accent: string;
  page: string;
  font: string;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Grid, numbers and names of two axes around a plot. */
export function drawAxes(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  axes: { x: Scale; y: Scale; xName: string; yName: string },
  look: Look,
): void {
  ctx.font = look.font;
  ctx.lineWidth = 1;
  const bottom = plot.top + plot.height;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const xTicks = ticksOf(axes.x, Math.max(2, Math.floor(plot.width / 90)));
  const room = Math.max(30, plot.width / Math.max(1, xTicks.length) - 8);
  for (const tick of xTicks) {
    const x = Math.round(plot.left + tick.share * plot.width) + 0.5;
    stroke(ctx, look.line, x, plot.top, x, bottom);
    ctx.fillStyle = look.quiet;
    ctx.fillText(fitted(ctx, tick.label, room), x, bottom + 5);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const tick of ticksOf(axes.y, Math.max(2, Math.floor(plot.height / 48)))) {
    const y = Math.round(bottom - tick.share * plot.height) + 0.5;
    stroke(ctx, look.line, plot.left, y, plot.left + plot.width, y);
    ctx.fillStyle = look.quiet;
    ctx.fillText(fitted(ctx, tick.label, plot.left - 26), plot.left - 6, y);
  }
  ctx.strokeStyle = look.edge;
  ctx.strokeRect(plot.left + 0.5, plot.top + 0.5, plot.width, plot.height);
  ctx.fillStyle = look.text;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(fitted(ctx, axes.xName, plot.width), plot.left + plot.width / 2, bottom + 36);
  ctx.save();
  ctx.translate(12, plot.top + plot.height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(fitted(ctx, axes.yName, plot.height), 0, 0);
  ctx.restore();
}

function stroke(
  ctx: CanvasRenderingContext2D,
  colour: string,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
): void {
  ctx.strokeStyle = colour;
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
