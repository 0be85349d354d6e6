/** Lines, bands and marks on a canvas. Everything is in device pixels and inside the clip that the caller set. */
import { type Line, seen } from "./lines";
import { fillBand, type Projection, strokeCurve } from "./strokes";

const MARKER_EVERY_PX = 6;
const MAX_MARKS = 400;
/** A peak that rises this far above both its neighbours is drawn as a line: as a band of one pixel it would be lost. */
const SPIKE_PX = 20;
const MARKS_APART_PX = 5;

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
  if (options.band) {
    ctx.globalAlpha = options.strong ? 0.28 : 0.16;
    fillBand(ctx, line, to, [from, end]);
    if (line.runId) {
      ctx.globalAlpha = 0.6;
      ctx.lineWidth = 1.25 * to.ratio;
      spikes(ctx, line, to, from, end);
    }
  }
  if (line.raw) {
    ctx.globalAlpha = 0.28;
    strokeCurve(ctx, line, line.raw, to, [from, end], to.ratio, []);
  }
  ctx.globalAlpha = 1;
  const width = (line.width + (options.strong ? 1.2 : 0)) * to.ratio;
  const dash = line.dash.map((length) => length * to.ratio);
  strokeCurve(ctx, line, line.y, to, [from, end], width, dash);
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
