/** Marks on a canvas: verticals where something happened, rings on points that somebody wrote a note on. */
import { inks } from "./inks";
import type { Mark } from "./lines";
import type { Projection } from "./strokes";

const RING_PX = 5;

export function drawMarks(ctx: CanvasRenderingContext2D, marks: Mark[], to: Projection): void {
  for (const mark of marks) {
    const x = Math.round(to.x(mark.x));
    if (!(x >= to.left && x <= to.left + to.width)) continue;
    ctx.strokeStyle = mark.colour;
    ctx.fillStyle = mark.colour;
    if (mark.y === null) flag(ctx, x, to);
    else ring(ctx, x, ringY(mark, to), to.ratio);
  }
}

/** A value that can't be shown has its ring at the edge, where its own mark is. */
function ringY(mark: Mark, to: Projection): number {
  const y = (mark.right ? to.right : to.y)(mark.y!);
  const edge = RING_PX * to.ratio;
  const foot = to.top + to.height - edge;
  return Number.isNaN(y) ? foot : Math.max(to.top + edge, Math.min(foot, y));
}

/** A dashed vertical with a small flag at its head. */
function flag(ctx: CanvasRenderingContext2D, x: number, to: Projection): void {
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

function ring(ctx: CanvasRenderingContext2D, x: number, y: number, ratio: number): void {
  const whole = 2 * Math.PI;
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  ctx.arc(x, y, RING_PX * ratio, 0, whole);
  const { fillStyle } = ctx;
  ctx.fillStyle = inks().raised;
  ctx.fill();
  ctx.stroke();
  ctx.fillStyle = fillStyle;
  ctx.beginPath();
  ctx.arc(x, y, 2 * ratio, 0, whole);
  ctx.fill();
}
