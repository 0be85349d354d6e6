/** A metric over two params: cells of a grid with the mean of the runs in them, and curves of equal height. */
import { scaleColour } from "./colours";
import { type AxisValue, type Box, drawAxes, type Look, type Scale, shareOf } from "./scatterScale";

export interface Cells {
  columns: number;
  rows: number;
  /** Sum and number of the runs in each cell, row by row from below. */
  sums: Float64Array;
  counts: Uint32Array;
}

export interface ContourFrame {
  x: Scale;
  y: Scale;
  xName: string;
  yName: string;
}

export interface Sample {
  x: number;
  y: number;
  z: number;
}

/** One curve as d3-contour gives it: polygons of rings of points, in cells. */
export interface Level {
  value: number;
  coordinates: number[][][][];
}

/** Cells of a number axis: fine enough to see a shape, coarse enough to hold several runs. */
const FINE = 16;

export const cellsOf = (scale: Scale, distinct: number): number =>
  scale.kind === "category" ? scale.categories.length : Math.max(1, Math.min(FINE, distinct));

/** Shares and heights of the runs that have all three values. */
export function samplesOf(
  frame: ContourFrame,
  columns: { x: readonly AxisValue[]; y: readonly AxisValue[]; z: readonly AxisValue[] },
): Sample[] {
  return columns.z.flatMap((z, i): Sample[] => {
    const x = shareOf(frame.x, columns.x[i] ?? null);
    const y = shareOf(frame.y, columns.y[i] ?? null);
    return typeof z === "number" && Number.isFinite(z) && !Number.isNaN(x + y) ? [{ x, y, z }] : [];
  });
}

const cellAt = (share: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));

export function binned(samples: readonly Sample[], columns: number, rows: number): Cells {
  const sums = new Float64Array(columns * rows);
  const counts = new Uint32Array(columns * rows);
  for (const { x, y, z } of samples) {
    const at = cellAt(y, rows) * columns + cellAt(x, columns);
    sums[at] = (sums[at] as number) + z;
    counts[at] = (counts[at] as number) + 1;
  }
  return { columns, rows, sums, counts };
}

/** Heights between the runs: each run counts by one over its squared distance (Shepard's method). */
export function interpolated(samples: readonly Sample[], columns: number, rows: number): Float64Array {
  const heights = new Float64Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = (column + 0.5) / columns;
      const y = (row + 0.5) / rows;
      let sum = 0;
      let weights = 0;
      for (const one of samples) {
        const weight = 1 / ((one.x - x) ** 2 + (one.y - y) ** 2 + 1e-4) ** 1.5;
        sum += weight * one.z;
        weights += weight;
      }
      heights[row * columns + column] = sum / weights;
    }
  }
  return heights;
}

export function rangeOf(samples: readonly Sample[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { z } of samples) {
    low = Math.min(low, z);
    high = Math.max(high, z);
  }
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

export function drawCells(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  frame: ContourFrame,
  cells: Cells,
  range: [number, number],
  look: Look,
): void {
  drawAxes(ctx, plot, frame, look);
  const width = plot.width / cells.columns;
  const height = plot.height / cells.rows;
  cells.counts.forEach((count, at) => {
    if (!count) return;
    const share = ((cells.sums[at] as number) / count - range[0]) / (range[1] - range[0]);
    ctx.fillStyle = scaleColour(share, look.dark);
    const x = plot.left + (at % cells.columns) * width;
    const y = plot.top + plot.height - (Math.floor(at / cells.columns) + 1) * height;
    ctx.fillRect(x + 0.5, y + 0.5, width - 1, height - 1);
  });
}

/** Filled levels from low to high, and the runs that they were made of. */
export function drawContours(
  ctx: CanvasRenderingContext2D,
  plot: Box,
  frame: ContourFrame,
  drawn: { levels: readonly Level[]; columns: number; rows: number; samples: readonly Sample[] },
  range: [number, number],
  look: Look,
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.left, plot.top, plot.width, plot.height);
  ctx.clip();
  for (const level of drawn.levels) {
    ctx.beginPath();
    for (const polygon of level.coordinates) {
      for (const ring of polygon) {
        ring.forEach(([x = 0, y = 0], i) => {
          const px = plot.left + (x / drawn.columns) * plot.width;
          const py = plot.top + (1 - y / drawn.rows) * plot.height;
          if (i) ctx.lineTo(px, py);
          else ctx.moveTo(px, py);
        });
        ctx.closePath();
      }
    }
    ctx.fillStyle = scaleColour((level.value - range[0]) / (range[1] - range[0]), look.dark);
    ctx.fill("evenodd");
    ctx.strokeStyle = look.page;
    ctx.globalAlpha = 0.5;
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.globalAlpha = 1;
  }
  ctx.restore();
  drawAxes(ctx, plot, frame, { ...look, line: "transparent" });
  for (const one of drawn.samples) {
    ctx.beginPath();
    ctx.arc(plot.left + one.x * plot.width, plot.top + (1 - one.y) * plot.height, 3.5, 0, Math.PI * 2);
    ctx.fillStyle = scaleColour((one.z - range[0]) / (range[1] - range[0]), look.dark);
    ctx.fill();
    ctx.strokeStyle = look.text;
    ctx.lineWidth = 1;
    ctx.stroke();
  }
}
