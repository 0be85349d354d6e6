/**
 * What lies over a plot and follows the pointer: a needle, a dot, and a canvas with the line that is pointed at. Needle
 * and dot move by transforms only, which neither lays out nor paints anything anew.
 */
import { drawLine } from "./draw";
import { inks } from "./inks";
import type { Line } from "./lines";
import type { Range } from "./ranges";
import type { Projection } from "./strokes";

const AWAY = "translate(-9999px, 0)";

export class Pointer {
  private readonly canvas = document.createElement("canvas");
  private readonly needle = document.createElement("div");
  private readonly dot = document.createElement("div");
  private dotColour = "";

  constructor(over: HTMLElement) {
    this.canvas.hidden = true;
    this.canvas.width = 0;
    this.canvas.height = 0;
    this.needle.className = "plot-needle";
    this.dot.className = "plot-dot";
    this.needle.style.transform = AWAY;
    this.dot.style.transform = AWAY;
    over.append(this.canvas, this.needle, this.dot);
  }

  /** In CSS pixels from the left; null for away. */
  placeNeedle(x: number | null): void {
    this.needle.style.transform = x === null ? AWAY : `translate(${Math.round(x)}px, 0)`;
  }

  placeDot(at: { x: number; y: number; colour: string } | null): void {
    this.dot.style.transform = at ? `translate(${at.x}px, ${at.y}px)` : AWAY;
    if (!at || at.colour === this.dotColour) return;
    this.dotColour = at.colour;
    this.dot.style.background = at.colour;
  }

  /** Lines brought forward over the faded rest, and a range being dragged (in CSS pixels). */
  draw(near: Line[], dragged: Range | null, to: Projection, options: { band: boolean; kept: boolean }): void {
    const empty = !near.length && !dragged;
    // A canvas that comes and goes has all layers sorted anew; while the pointer is here it stays.
    if (!this.fit(to, empty && !options.kept)) return;
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return;
    const ink = inks();
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (near.length) {
      ctx.fillStyle = ink.raised;
      ctx.globalAlpha = 0.66;
      ctx.fillRect(0, 0, to.width, to.height);
      ctx.globalAlpha = 1;
      for (const line of near) drawLine(ctx, line, to, { band: options.band, strong: true });
    }
    if (!dragged) return;
    ctx.fillStyle = ink.accent;
    ctx.globalAlpha = 0.18;
    const [a, b] = dragged;
    ctx.fillRect(a * to.ratio, 0, (b - a) * to.ratio, to.height);
    ctx.globalAlpha = 1;
  }

  /** As large as the plot; without a surface while there is nothing on it. Tells whether there is one. */
  private fit(to: Projection, gone: boolean): boolean {
    const width = gone ? 0 : Math.round(to.width);
    const height = gone ? 0 : Math.round(to.height);
    this.canvas.hidden = gone;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.canvas.style.width = `${to.width / to.ratio}px`;
      this.canvas.style.height = `${to.height / to.ratio}px`;
    }
    return !gone;
  }
}
