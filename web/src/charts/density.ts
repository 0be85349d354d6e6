/** Hundreds of lines as a heat map: how many pass through each cell. */
import { valueAt } from "./align";
import { scaleColour } from "./colours";
import type { Line } from "./lines";
import type { Projection } from "./strokes";

const CELL_PX = 3;

export interface Density {
  columns: number;
  rows: number;
  /** Lines through each cell, row by row from the top. */
  counts: Uint16Array;
  most: number;
}

/**
 * Count lines through cells. `placeOf` gives the x in the middle of a column, `rowOf` the row of a value (a fraction, or
 * NaN where it can't be shown). Between two columns a line fills the rows that it crosses, once each.
 */
export function countLines(
  lines: Pick<Line, "x" | "y">[],
  columns: number,
  rows: number,
  placeOf: (column: number) => number,
  rowOf: (value: number) => number,
): Density {
  const counts = new Uint16Array(columns * rows);
  let most = 0;
  for (const line of lines) {
    let before = Number.NaN;
    for (let column = 0; column < columns; column++) {
      const row = rowOf(valueAt(line, placeOf(column)));
      if (!Number.isFinite(row)) {
        before = Number.NaN;
        continue;
      }
      const here = Math.floor(row);
      const last = Number.isNaN(before) ? here : Math.floor(before);
      const low = Math.max(0, Math.min(here, last + Math.sign(here - last)));
      const high = Math.min(rows - 1, Math.max(here, last + Math.sign(here - last)));
      for (let i = low; i <= high; i++) {
        const cell = i * columns + column;
        counts[cell]! += 1;
        if (counts[cell]! > most) most = counts[cell]!;
      }
      before = row;
    }
  }
  return { columns, rows, counts, most };
}

export function drawDensity(
  ctx: CanvasRenderingContext2D,
  lines: Line[],
  to: Projection,
  placeOf: (x: number) => number,
): void {
  const cell = CELL_PX * to.ratio;
  const columns = Math.max(1, Math.floor(to.width / cell));
  const rows = Math.max(1, Math.floor(to.height / cell));
  const density = countLines(
    lines,
    columns,
    rows,
    (column) => placeOf(to.left + (column + 0.5) * cell),
    (value) => (to.y(value) - to.top) / cell,
  );
  const shades = Array.from({ length: 33 }, (_, i) => scaleColour(i / 32));
  const top = Math.log1p(density.most) || 1;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const count = density.counts[row * columns + column]!;
      if (!count) continue;
      const share = Math.log1p(count) / top;
      ctx.fillStyle = shades[Math.round(share * 32)]!;
      ctx.fillRect(to.left + column * cell, to.top + row * cell, cell, cell);
    }
  }
}
