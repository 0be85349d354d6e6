/**
 * A plot: axes by uPlot, lines and everything else by our own layers. Arrays in, canvas out; it fetches nothing and
 * knows no page. On the lower canvas lies what changes rarely, on the upper one what follows the pointer.
 */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { makeAxes, uplotScale } from "./axes";
import { isDark } from "./colours";
import { drawDensity } from "./density";
import { drawHoles, drawLine } from "./draw";
import { followers } from "./followers";
import { type Gestures, listen } from "./gestures";
import { inks } from "./inks";
import { type Line, readAt } from "./lines";
import { drawMarks } from "./marks";
import { measure } from "./measure";
import { type PlotView, rangeOfY } from "./plotView";
import { Pointer } from "./pointer";
import { backward, extent, forward, kneeOf, padded, type Range, type Scale, zoomed } from "./ranges";
import type { Projection } from "./strokes";

export interface PlotEvents {
  /** The pointer is at this x (null: gone), nearest to this line. */
  onPoint: (x: number | null, line: Line | null) => void;
  onZoom: (range: Range | null) => void;
  onClick: (x: number, line: Line | null, event: PointerEvent) => void;
}

const NEAR_PX = 28;
export class Plot {
  private u: uPlot | null = null;
  private shape = "";
  /** What lies over the plot; most plots are never pointed at, and go without. */
  private pointer: Pointer | null = null;
  private stop: (() => void) | null = null;
  private frame = 0;
  private cursorX: number | null = null;
  /** Whether the pointer is over this very plot. */
  private pointedAt = false;
  private highlighted: string | null = null;
  private dragged: [number, number] | null = null;
  private knee = 1;
  private rightKnee = 1;
  private xKnee = 1;
  private ranges: { x: Range; y: Range; r: Range } = { x: [0, 1], y: [0, 1], r: [0, 1] };
  private full: Range = [0, 1];
  private zoom: Range | null = null;

  constructor(
    private readonly root: HTMLElement,
    private view: PlotView,
    private readonly events: PlotEvents,
    private width: number,
    private height: number,
  ) {
    this.zoom = view.zoom;
    this.rebuild();
  }

  update(view: PlotView): void {
    if (view === this.view && this.shape.endsWith(String(isDark()))) return;
    this.view = view;
    this.zoom = view.zoom;
    this.rebuild();
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.u?.setSize({ width, height });
    this.refresh();
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    followers.forget(this);
    this.stop?.();
    this.u?.destroy();
    this.u = null;
  }

  /** The whole picture, without what follows the pointer. */
  get canvas(): HTMLCanvasElement | null {
    return this.u?.ctx.canvas ?? null;
  }

  /** What is shown of x and y now. */
  get shown(): { x: Range; y: Range; r: Range; full: Range } {
    return { ...this.ranges, full: this.full };
  }

  setCursor(x: number | null): void {
    if (x === this.cursorX) return;
    this.cursorX = x;
    this.placeCursor();
  }

  /** Bring the lines of a run, or of a group by its id, forward; the rest fades. */
  highlight(runId: string | null): void {
    if (runId === this.highlighted) {
      followers.forget(this);
      return;
    }
    const bring = () => {
      this.highlighted = runId;
      this.refresh();
    };
    if (this.pointedAt) bring();
    else followers.later(this, bring);
  }

  private rebuild(): void {
    const { lines, xScale, yScale } = this.view;
    const left = lines.filter((line) => !line.right);
    const right = lines.filter((line) => line.right);
    this.knee = yScale === "symlog" ? kneeOf(left.map((line) => line.y)) : 1;
    this.rightKnee = yScale === "symlog" ? kneeOf(right.map((line) => line.y)) : 1;
    this.xKnee = xScale === "symlog" ? kneeOf(lines.map((line) => line.x)) : 1;
    const reach = extent(
      lines.map((line) => line.x),
      xScale === "log",
    );
    this.full = padded(reach, xScale, this.xKnee, 0.01);
    const shape = [
      this.view.placeKind,
      xScale,
      yScale,
      this.view.utc,
      right.length > 0,
      this.knee,
      this.rightKnee,
      this.xKnee,
      isDark(),
    ].join();
    if (shape !== this.shape || !this.u) {
      this.shape = shape;
      this.stop?.();
      this.u?.destroy();
      this.rescale();
      this.u = new uPlot(this.options(right.length > 0), [[0], [null]] as uPlot.AlignedData, this.root);
      this.pointer = null;
      this.stop = listen(this.u.over, this.gestures());
      // uPlot draws by itself once it is made; drawing here too would do it twice.
      return;
    }
    this.redraw();
    this.refresh();
  }

  private options(hasRight: boolean): uPlot.Options {
    const { placeKind, xScale, yScale, utc } = this.view;
    const range = (key: "x" | "y" | "r") => () => this.ranges[key] as uPlot.Range.MinMax;
    return {
      width: this.width,
      height: this.height,
      ms: 1,
      tzDate: utc ? (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC") : (ms) => new Date(ms),
      padding: [8, hasRight ? 0 : 20, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { ...uplotScale(xScale, this.xKnee), time: placeKind === "time", range: range("x") },
        y: { ...uplotScale(yScale, this.knee), range: range("y") },
        r: { ...uplotScale(yScale, this.rightKnee), range: range("r") },
      },
      series: [{}, { scale: "y", show: true, points: { show: false } }],
      axes: makeAxes(inks(), placeKind, hasRight),
      hooks: { draw: [() => this.paint()], ready: [() => this.refresh()] },
    };
  }

  /** Ranges of the axes for what is to be seen. */
  private rescale(): void {
    this.ranges.x = this.zoom ?? this.full;
    this.ranges.y = rangeOfY(this.view, this.zoom, false, this.knee);
    this.ranges.r = rangeOfY(this.view, this.zoom, true, this.rightKnee);
  }

  private redraw(): void {
    this.rescale();
    const { u, ranges } = this;
    u?.batch(() => {
      for (const key of ["x", "y", "r"] as const) {
        u.setScale(key, { min: ranges[key][0], max: ranges[key][1] });
      }
    });
  }

  private projection(overlay = false): Projection {
    const u = this.u!;
    const ratio = uPlot.pxRatio;
    const { left, top, width, height } = u.bbox;
    const box = overlay ? { left: 0, top: 0, width, height } : { left, top, width, height };
    const along = (range: Range, scale: Scale, knee: number, from: number, to: number) => {
      const place = forward(scale, knee);
      const low = place(range[0]);
      const stretch = (to - from) / (place(range[1]) - low);
      return scale === "linear"
        ? (value: number) => from + (value - low) * stretch
        : (value: number) => from + (place(value) - low) * stretch;
    };
    const { xScale, yScale } = this.view;
    const bottom = box.top + box.height;
    return {
      x: along(this.ranges.x, xScale, this.xKnee, box.left, box.left + box.width),
      y: along(this.ranges.y, yScale, this.knee, bottom, box.top),
      right: along(this.ranges.r, yScale, this.rightKnee, bottom, box.top),
      ...box,
      xRange: this.ranges.x,
      ratio,
    };
  }

  private placeAt(pixel: number, width: number): number {
    const { xScale } = this.view;
    const to = forward(xScale, this.xKnee);
    const [low, high] = this.ranges.x;
    return backward(xScale, this.xKnee)(to(low) + ((to(high) - to(low)) * pixel) / width);
  }

  private paint(): void {
    const start = performance.now();
    const u = this.u;
    if (!u) return;
    const { lines, dense, strong, band, marks } = this.view;
    const ctx = u.ctx;
    const to = this.projection();
    ctx.save();
    ctx.beginPath();
    ctx.rect(to.left, to.top, to.width, to.height);
    ctx.clip();
    if (dense) {
      drawDensity(ctx, lines, to, (pixel) => this.placeAt(pixel - to.left, to.width));
    }
    for (const line of lines) {
      if (!dense || strong.has(line.id)) drawLine(ctx, line, to, { band: band && !dense });
    }
    if (!dense) drawHoles(ctx, lines, to);
    drawMarks(ctx, marks, to);
    ctx.restore();
    // What waits for a picture, such as a test, sees here that it is there.
    this.root.dataset.drawn = String(lines.length);
    measure("assay:panel-draw", start, { lines: lines.length });
  }

  /** Paint what follows the pointer with the next frame. */
  private refresh(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.paintOverlay();
      this.placeCursor();
    });
  }

  private paintOverlay(): void {
    if (!this.u) return;
    const { lines, band } = this.view;
    const same = this.highlighted ? lines.filter((line) => (line.runId ?? line.id) === this.highlighted) : [];
    const near = same.length < lines.length ? same : [];
    if (!near.length && !this.dragged && !this.pointer) return;
    this.pointer ??= new Pointer(this.u.over);
    this.pointer.draw(near, this.dragged, this.projection(true), { band, kept: this.pointedAt });
  }

  /** Put the cursor's elements where it is, and the dot on the line that is pointed at. */
  private placeCursor(): void {
    if (!this.u || (this.cursorX === null && !this.pointer)) return;
    const to = this.projection(true);
    this.pointer ??= new Pointer(this.u.over);
    const x = this.cursorX === null ? Number.NaN : to.x(this.cursorX);
    const inside = x >= 0 && x <= to.width;
    this.pointer.placeNeedle(inside ? x / to.ratio : null);
    const line = inside && this.view.lines.find((one) => (one.runId ?? one.id) === this.highlighted);
    const reading = line && readAt([line], this.cursorX!, this.slack())[0];
    if (!reading) {
      this.pointer.placeDot(null);
      return;
    }
    const y = reading.line.right ? to.right(reading.value) : to.y(reading.value);
    const place = to.x(reading.line.x[reading.at]!);
    const seen = y >= 0 && y <= to.height && place >= 0 && place <= to.width;
    const { colour } = reading.line;
    this.pointer.placeDot(seen ? { x: place / to.ratio, y: y / to.ratio, colour } : null);
  }

  /** Where a place lies, in CSS pixels from the left edge of the plot with its axes. */
  pixelOf(x: number): number {
    const to = this.projection();
    return to.x(x) / to.ratio;
  }

  /** How far from a line's end the pointer still reads it: a few pixels. */
  slack(): number {
    return ((this.ranges.x[1] - this.ranges.x[0]) * 8) / Math.max(1, this.width);
  }

  private nearestLine(x: number, pixelY: number): Line | null {
    const to = this.projection(true);
    let found: Line | null = null;
    let least = NEAR_PX * to.ratio;
    for (const { line, value, at } of readAt(this.view.lines, x, this.slack())) {
      const y = line.right ? to.right(value) : to.y(value);
      const away = Math.abs(to.x(line.x[at]!) - to.x(x));
      const distance = Math.hypot(y - pixelY * to.ratio, Math.max(0, away - 12 * to.ratio));
      if (distance < least) {
        least = distance;
        found = line;
      }
    }
    return found;
  }

  /** Show another range at once; the page is told when the hand rests. */
  private zoomTo(range: Range | null): void {
    const start = performance.now();
    this.zoom = range;
    this.redraw();
    this.refresh();
    measure("assay:panel-zoom", start);
  }

  private gestures(): Gestures {
    // The width as it was laid out: asking the element would lay the page out anew with each move.
    const width = () => this.u!.bbox.width / uPlot.pxRatio;
    const place = (pixel: number) => this.placeAt(pixel, width());
    return {
      point: (x, y) => {
        const at = place(x);
        this.pointedAt = true;
        this.setCursor(at);
        this.events.onPoint(at, this.nearestLine(at, y));
      },
      leave: () => {
        this.pointedAt = false;
        this.setCursor(null);
        this.events.onPoint(null, null);
      },
      drag: (range) => {
        this.dragged = range;
        this.refresh();
      },
      select: ([a, b]) => {
        const range: Range = [place(a), place(b)];
        this.zoomTo(range);
        this.events.onZoom(range);
      },
      zoom: (x, factor) => {
        const next = zoomed(this.ranges.x, place(x), factor, this.view.xScale, this.xKnee);
        const all = next[0] <= this.full[0] && next[1] >= this.full[1];
        if (all || (next.every(Number.isFinite) && next[1] > next[0])) this.zoomTo(all ? null : next);
      },
      pan: (pixels) => this.zoomTo([place(-pixels), place(width() - pixels)]),
      settle: () => this.events.onZoom(this.zoom),
      click: (x, y, event) => this.events.onClick(place(x), this.nearestLine(place(x), y), event),
      reset: () => {
        this.zoomTo(null);
        this.events.onZoom(null);
      },
    };
  }
}
