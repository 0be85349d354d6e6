/**
 * Strokes and areas of curves, in the ways that rasterise fast. Without a graphics card a browser draws lines of one
 * pixel twenty times faster than wider ones, or than a polygon of a thousand corners.
 */
import type { Line } from "./lines";
import type { Range } from "./ranges";

/** How values become pixels of the canvas. */
export interface Projection {
  x: (value: number) => number;
  y: (value: number) => number;
  right: (value: number) => number;
  left: number;
  top: number;
  width: number;
  height: number;
  xRange: Range;
  /** Device pixels per CSS pixel. */
  ratio: number;
}

/** Up to this width a line is drawn as hairlines side by side. */
const FINE_PX = 2;
/** From this many corners on hairlines pay. */
const MANY = 60;
/** Corners that a wide line is cut at: one long path takes longer than its pieces. */
const PIECE = 32;
/** Points denser than this many pixels make an area of columns. */
const COLUMN_PX = 2;

/** Trace values onto paths, a new one after each `piece` corners. */
function traced(
  line: Line,
  values: Float64Array,
  to: Projection,
  from: number,
  end: number,
  piece: number,
): Path2D[] {
  const toY = line.right ? to.right : to.y;
  const { x: places } = line;
  let path = new Path2D();
  const paths = [path];
  let corners = 0;
  let open = false;
  let lastX = 0;
  let lastY = 0;
  for (let i = from; i < end; i++) {
    const y = toY(values[i]!);
    if (!Number.isFinite(y)) {
      open = false;
      continue;
    }
    // Where the axis runs backwards the run was started again: a branch, not a line across.
    if (open && i > from && places[i]! < places[i - 1]!) open = false;
    const x = to.x(places[i]!);
    if (corners >= piece) {
      path = new Path2D();
      paths.push(path);
      corners = 0;
      if (open) path.moveTo(lastX, lastY);
    }
    if (open) path.lineTo(x, y);
    else path.moveTo(x, y);
    corners += 1;
    open = true;
    lastX = x;
    lastY = y;
  }
  return paths;
}

/** Draw values as a line in the stroke style that is set; `width` and `dash` are in device pixels. */
export function strokeCurve(
  ctx: CanvasRenderingContext2D,
  line: Line,
  values: Float64Array,
  to: Projection,
  [from, end]: Range,
  width: number,
  dash: number[],
): void {
  ctx.setLineDash(dash);
  ctx.lineJoin = "bevel";
  const many = end - from >= MANY;
  if (many && !dash.length && width <= FINE_PX) {
    const [path] = traced(line, values, to, from, end, Number.POSITIVE_INFINITY);
    const away = (width - 1) * 0.6;
    ctx.lineWidth = 1;
    // In three directions, so that it is as wide however it runs.
    const offsets = away > 0 ? ONE_OF_THREE : ONLY;
    for (const [dx, dy] of offsets) {
      ctx.translate(dx * away, dy * away);
      ctx.stroke(path!);
      ctx.translate(-dx * away, -dy * away);
    }
  } else {
    ctx.lineWidth = width;
    const piece = many && !dash.length ? PIECE : Number.POSITIVE_INFINITY;
    for (const path of traced(line, values, to, from, end, piece)) ctx.stroke(path);
  }
  if (dash.length) ctx.setLineDash([]);
}

const ONLY: Range[] = [[0, 0]];
const ONE_OF_THREE: Range[] = [
  [0, -1],
  [0.87, 0.5],
  [-0.87, 0.5],
];

/** Fill between the least and the greatest values. */
export function fillBand(
  ctx: CanvasRenderingContext2D,
  line: Line,
  to: Projection,
  [from, end]: Range,
): void {
  if (!line.low || !line.high) return;
  const apart = to.width / Math.max(1, end - from);
  if (line.ascending && apart < COLUMN_PX * to.ratio && end - from >= MANY) columns(ctx, line, to, from, end);
  else polygon(ctx, line, to, from, end);
}

/** A value's place, kept near the plot: a spike beyond the scale still reaches the edge. */
function bounded(line: Line, to: Projection): (value: number) => number {
  const toY = line.right ? to.right : to.y;
  const foot = to.top + to.height;
  return (value) => {
    const y = toY(value);
    // On a logarithmic scale what is below zero lies at its foot.
    if (Number.isNaN(y)) return value <= 0 ? foot : Number.NaN;
    return Math.max(to.top - 10_000, Math.min(foot + 10_000, y));
  };
}

/** One upright hairline for each column of pixels, over all the points in it. */
function columns(ctx: CanvasRenderingContext2D, line: Line, to: Projection, from: number, end: number): void {
  const low = line.low!;
  const high = line.high!;
  const place = bounded(line, to);
  ctx.setLineDash([]);
  ctx.lineWidth = 1;
  ctx.beginPath();
  let left = Number.NaN;
  let top = 0;
  let bottom = 0;
  /** Columns up to the next point, whose ends lie between this one's and its. */
  const close = (until: number, nextTop: number, nextBottom: number) => {
    for (let x = left; x < until; x++) {
      const share = (x - left) / (until - left);
      const y = top + (nextTop - top) * share;
      ctx.moveTo(x + 0.5, y);
      ctx.lineTo(x + 0.5, Math.max(y + 1, bottom + (nextBottom - bottom) * share));
    }
  };
  for (let i = from; i < end; i++) {
    const a = place(high[i]!);
    const b = place(low[i]!);
    const at = Math.round(to.x(line.x[i]!));
    // A logarithmic axis has no place for zero: columns from there on would have no end.
    if (Number.isNaN(a) || Number.isNaN(b) || !Number.isFinite(at)) {
      close(left + 1, top, bottom);
      left = Number.NaN;
    } else if (at > left || Number.isNaN(left)) {
      close(at, a, b);
      left = at;
      top = a;
      bottom = b;
    } else {
      if (a < top) top = a;
      if (b > bottom) bottom = b;
    }
  }
  close(left + 1, top, bottom);
  ctx.stroke();
}

function polygon(ctx: CanvasRenderingContext2D, line: Line, to: Projection, from: number, end: number): void {
  const low = line.low!;
  const high = line.high!;
  const place = bounded(line, to);
  ctx.beginPath();
  let start = from;
  const close = (until: number) => {
    for (let i = until - 1; i >= start; i--) ctx.lineTo(to.x(line.x[i]!), place(low[i]!));
  };
  let open = false;
  for (let i = from; i < end; i++) {
    const y = place(high[i]!);
    const holes = Number.isNaN(y) || Number.isNaN(place(low[i]!));
    if (holes || (open && line.x[i]! < line.x[i - 1]!)) {
      if (open) close(i);
      open = false;
      if (holes) continue;
    }
    if (!open) {
      start = i;
      ctx.moveTo(to.x(line.x[i]!), y);
    } else ctx.lineTo(to.x(line.x[i]!), y);
    open = true;
  }
  if (open) close(end);
  ctx.fill();
}
