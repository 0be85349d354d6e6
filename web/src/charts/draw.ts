/** Lines, bands and marks on a canvas. Everything is in device pixels and inside the clip that the caller set. */
import { type Line, type Mark, seen } from "./lines";
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

const MARKER_EVERY_PX = 6;
const MAX_MARKS = 400;
/** A peak that rises this far above both its neighbours is drawn as a line: as a band of one pixel it would be lost. */
const SPIKE_PX = 20;
const MARKS_APART_PX = 5;

function trace(
  ctx: CanvasRenderingContext2D,
  line: Line,
  values: Float64Array,
  to: Projection,
  from: number,
  end: number,
): void {
  const toY = line.right ? to.right : to.y;
  let open = false;
  ctx.beginPath();
  for (let i = from; i < end; i++) {
    const y = toY(values[i]!);
    if (!Number.isFinite(y)) {
      open = false;
      continue;
    }
    // Where time runs backwards the run was started again: a branch, not a line across.
    if (open && i > from && line.x[i]! < line.x[i - 1]!) open = false;
    const x = to.x(line.x[i]!);
    if (open) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
    open = true;
  }
}

function band(ctx: CanvasRenderingContext2D, line: Line, to: Projection, from: number, end: number): void {
  const { low, high } = line;
  if (!low || !high) return;
  const toY = line.right ? to.right : to.y;
  // A spike beyond the scale still reaches the edge; on a logarithmic scale what is below zero lies at its foot.
  const place = (value: number, fallback: number) => {
    const y = toY(value);
    if (Number.isNaN(y)) return value <= 0 ? fallback : Number.NaN;
    return Math.max(to.top - 10_000, Math.min(to.top + to.height + 10_000, y));
  };
  ctx.beginPath();
  let start = from;
  const close = (until: number) => {
    for (let i = until - 1; i >= start; i--) ctx.lineTo(to.x(line.x[i]!), place(low[i]!, to.top + to.height));
  };
  let open = false;
  for (let i = from; i < end; i++) {
    const y = place(high[i]!, to.top + to.height);
    const holes = Number.isNaN(y) || Number.isNaN(place(low[i]!, to.top + to.height));
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

/** Peaks of single buckets, as verticals from the line to the greatest or least value. */
function spikes(ctx: CanvasRenderingContext2D, line: Line, to: Projection, from: number, end: number): void {
  const toY = line.right ? to.right : to.y;
  const rise = SPIKE_PX * to.ratio;
  ctx.beginPath();
  for (const [column, sign] of [
    [line.high, 1],
    [line.low, -1],
  ] as const) {
    if (!column) return;
    for (let i = from; i < end; i++) {
      const tip = toY(column[i]!) * sign;
      // Up is less in pixels; beyond the ends there is nothing to rise above.
      const left = i > from ? toY(column[i - 1]!) * sign : tip + 2 * rise;
      const right = i + 1 < end ? toY(column[i + 1]!) * sign : tip + 2 * rise;
      const foot = toY(line.y[i]!);
      if (!(tip + rise < left && tip + rise < right) || !Number.isFinite(foot)) continue;
      const x = to.x(line.x[i]!);
      ctx.moveTo(x, foot);
      ctx.lineTo(x, Math.max(to.top - 10, Math.min(to.top + to.height + 10, tip * sign)));
    }
  }
  ctx.stroke();
}

/** One line with its band, its faint original and its points; `strong` for the one that is pointed at. */
export function drawLine(
  ctx: CanvasRenderingContext2D,
  line: Line,
  to: Projection,
  options: { band: boolean; strong?: boolean },
): void {
  const [from, end] = seen(line, to.xRange[0], to.xRange[1]);
  if (from >= end) return;
  ctx.strokeStyle = line.colour;
  ctx.fillStyle = line.colour;
  ctx.lineJoin = "round";
  if (options.band) {
    ctx.globalAlpha = options.strong ? 0.28 : 0.16;
    band(ctx, line, to, from, end);
    if (line.runId) {
      ctx.globalAlpha = 0.6;
      ctx.lineWidth = 1.25 * to.ratio;
      spikes(ctx, line, to, from, end);
    }
  }
  if (line.raw) {
    ctx.globalAlpha = 0.28;
    ctx.lineWidth = to.ratio;
    ctx.setLineDash([]);
    trace(ctx, line, line.raw, to, from, end);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  ctx.lineWidth = (line.width + (options.strong ? 1.2 : 0)) * to.ratio;
  ctx.setLineDash(line.dash.map((length) => length * to.ratio));
  trace(ctx, line, line.y, to, from, end);
  ctx.stroke();
  ctx.setLineDash([]);
  drawPoints(ctx, line, to, from, end);
}

function drawPoints(
  ctx: CanvasRenderingContext2D,
  line: Line,
  to: Projection,
  from: number,
  end: number,
): void {
  const { n } = line;
  if (end - from > to.width / to.ratio / MARKER_EVERY_PX) return;
  const toY = line.right ? to.right : to.y;
  const radius = 2.2 * to.ratio;
  const values = line.raw ?? line.y;
  ctx.beginPath();
  for (let i = from; i < end; i++) {
    if (n && line.runId && n[i]! > 1) continue;
    const y = toY(values[i]!);
    if (!Number.isFinite(y)) continue;
    const x = to.x(line.x[i]!);
    ctx.moveTo(x + radius, y);
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
  }
  ctx.fill();
}

/** NaN as a cross at the foot, the infinities as arrows at the edges, and a tick where a line leaves the scale. */
export function drawHoles(ctx: CanvasRenderingContext2D, lines: Line[], to: Projection): void {
  const size = 3.5 * to.ratio;
  const foot = to.top + to.height - size - to.ratio;
  const head = to.top + size + to.ratio;
  let left = MAX_MARKS;
  for (const line of lines) {
    const [from, end] = seen(line, to.xRange[0], to.xRange[1]);
    const values = line.raw ?? line.y;
    const toY = line.right ? to.right : to.y;
    ctx.strokeStyle = line.colour;
    ctx.fillStyle = line.colour;
    ctx.lineWidth = 1.5 * to.ratio;
    let outside = 0;
    let lastCross = Number.NEGATIVE_INFINITY;
    for (let i = from; i < end && left > 0; i++) {
      const value = values[i]!;
      const x = to.x(line.x[i]!);
      if (x < to.left - size || x > to.left + to.width + size) continue;
      if (Number.isNaN(value)) {
        // A stretch of them is one row, not a smear.
        if (x - lastCross >= MARKS_APART_PX * to.ratio) {
          cross(ctx, x, foot, size);
          lastCross = x;
          left -= 1;
        }
        outside = 0;
      } else {
        const y = toY(value);
        const beyond = y < to.top - 0.5 ? -1 : y > to.top + to.height + 0.5 || Number.isNaN(y) ? 1 : 0;
        // One arrow per stretch outside, and one per infinity.
        if (beyond && (beyond !== outside || !Number.isFinite(value))) {
          arrow(ctx, x, beyond < 0 ? head : foot, beyond < 0 ? -size : size, Number.isFinite(value));
          left -= 1;
        }
        outside = beyond;
      }
    }
  }
}

function cross(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y + size);
  ctx.moveTo(x - size, y + size);
  ctx.lineTo(x + size, y - size);
  ctx.stroke();
}

function arrow(ctx: CanvasRenderingContext2D, x: number, y: number, size: number, hollow: boolean): void {
  ctx.beginPath();
  ctx.moveTo(x, y + size);
  ctx.lineTo(x - Math.abs(size), y - size);
  ctx.lineTo(x + Math.abs(size), y - size);
  ctx.closePath();
  if (hollow) ctx.stroke();
  else ctx.fill();
}

/** Events as dashed verticals with a small flag at their foot. */
export function drawMarks(ctx: CanvasRenderingContext2D, marks: Mark[], to: Projection): void {
  for (const mark of marks) {
    const x = Math.round(to.x(mark.x));
    if (!(x >= to.left && x <= to.left + to.width)) continue;
    ctx.strokeStyle = mark.colour;
    ctx.fillStyle = mark.colour;
    ctx.lineWidth = to.ratio;
    ctx.globalAlpha = 0.7;
    ctx.setLineDash([2 * to.ratio, 3 * to.ratio]);
    ctx.beginPath();
    ctx.moveTo(x, to.top);
    ctx.lineTo(x, to.top + to.height);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
    const size = 4 * to.ratio;
    ctx.beginPath();
    ctx.moveTo(x, to.top);
    ctx.lineTo(x + size, to.top + size);
    ctx.lineTo(x, to.top + 2 * size);
    ctx.lineTo(x - size, to.top + size);
    ctx.fill();
  }
}
