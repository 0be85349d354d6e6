/** A plot on a page: it follows the pointer of others, reads values by keyboard, and tells what is pointed at. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useDark } from "@/charts/colours";
import { cursor } from "@/charts/cursor";
import { type Line, nearestPlace, type Reading, readAt } from "@/charts/lines";
import { Plot } from "@/charts/plot";
import type { PlotView } from "@/charts/plotView";
import { type Range, zoomed } from "@/charts/ranges";
import { hover } from "@/features/experiment/state";
import { formatNumber } from "@/ui/format";
import { messages } from "./messages";
import styles from "./Plot.module.css";
import { marksNear, Tooltip } from "./Tooltip";
import { formatPlace } from "./values";

/** Where a line was chosen: on the screen, and which of its places. */
export interface LinePlace {
  x: number;
  y: number;
  /** Missing where none was pointed at. */
  index?: number;
}

export interface Pointed {
  x: number;
  line: Line | null;
}

export function PlotBox({
  title,
  axis,
  view,
  width,
  height,
  baseline,
  onZoom,
  onLine,
  onPlot,
}: {
  title: string;
  /** The name of the horizontal axis: plots of one axis follow each other. */
  axis: string;
  view: PlotView;
  width: number;
  height: number;
  baseline: string | null;
  onZoom: (range: Range | null) => void;
  onLine: (line: Line, at: LinePlace) => void;
  onPlot: (plot: Plot | null) => void;
}) {
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const [kept, setKept] = useState<Pointed | null>(null);
  const [spoken, setSpoken] = useState("");
  const hint = useId();
  const dark = useDark();
  const latest = useRef({ view, onZoom, onLine, axis });
  useEffect(() => {
    latest.current = { view, onZoom, onLine, axis };
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; later views and sizes are told to it below
  useEffect(() => {
    if (!root.current) return;
    let frame = 0;
    const point = (x: number | null, line: Line | null) => {
      cursor.set({ axis: latest.current.axis, x, source: made });
      hover.set(line ? (line.runId ?? line.id) : null);
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setPointed(x === null ? null : { x, line }));
    };
    const made = new Plot(
      root.current,
      view,
      {
        onPoint: point,
        onZoom: (range) => latest.current.onZoom(range),
        onClick: (x, line, event) => {
          const at = { x: event.clientX, y: event.clientY };
          if (line) latest.current.onLine(line, { ...at, index: nearestPlace(line, x) });
          else setKept((before) => (before ? null : { x, line }));
        },
      },
      width,
      height,
    );
    plot.current = made;
    onPlot(made);
    const unwatch = cursor.watch((place) => {
      if (place.source !== made) made.setCursor(place.axis === latest.current.axis ? place.x : null);
    });
    const unhover = hover.watch(() => made.highlight(hover.get()));
    return () => {
      cancelAnimationFrame(frame);
      unwatch();
      unhover();
      made.destroy();
      plot.current = null;
      onPlot(null);
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours
  useEffect(() => plot.current?.update(view), [view, dark]);
  useEffect(() => plot.current?.resize(width, height), [width, height]);

  const shown = kept ?? pointed;
  const readings = shown && plot.current ? readAt(view.lines, shown.x, plot.current.slack()) : [];

  const read = (x: number, line: Line | null) => {
    cursor.set({ axis, x, source: null });
    plot.current?.setCursor(x);
    hover.set(line ? (line.runId ?? line.id) : null);
    setPointed({ x, line });
    const found = readAt(view.lines, x, Number.POSITIVE_INFINITY).find((one) => one.line === line);
    if (!found) return;
    const marks = plot.current ? marksNear(view.marks, found.line.x[found.at]!, plot.current) : [];
    setSpoken([sentence(found, view), ...marks.map((mark) => mark.label)].join(". "));
  };
  const keys = (event: KeyboardEvent) => {
    const made = plot.current;
    if (!made || !view.lines.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const line = pointed?.line ?? view.lines[0]!;
    const x = pointed?.x ?? made.shown.x[0];
    const places = stepOf(event.key, line.x.length);
    const factor = ZOOM_KEYS[event.key];
    if (places) {
      const at = Math.max(0, Math.min(line.x.length - 1, nearestPlace(line, x) + places));
      read(line.x[at]!, line);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const found = readings.map((one) => one.line);
      const list = found.length ? found : view.lines;
      const next = list.indexOf(line) + (event.key === "ArrowDown" ? 1 : -1);
      read(x, list[(next + list.length) % list.length]!);
    } else if (factor) {
      const centre = pointed?.x ?? (made.shown.x[0] + made.shown.x[1]) / 2;
      onZoom(zoomed(made.shown.x, centre, factor, "linear", 1));
    } else if (event.key === "0") onZoom(null);
    else if (event.key === "Escape" && (kept || pointed)) {
      setKept(null);
      setPointed(null);
    } else if (event.key === "Enter") {
      const box = event.currentTarget.getBoundingClientRect();
      onLine(line, { x: box.left + box.width / 2, y: box.top + 40, index: nearestPlace(line, x) });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={styles.plotBox}>
      <div
        ref={root}
        className={styles.plot}
        role="application"
        aria-roledescription="chart"
        aria-label={messages.plotLabel(title, view.lines.length)}
        aria-describedby={hint}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it hears the keys that its hint names
        tabIndex={0}
        onKeyDown={keys}
        onBlur={() => {
          setPointed(null);
          hover.set(null);
          cursor.set({ axis, x: null, source: null });
          plot.current?.setCursor(null);
        }}
      />
      <span id={hint} hidden>
        {messages.hint}
      </span>
      <span className="visually-hidden" role="status">
        {spoken}
      </span>
      {shown && readings.length > 0 && plot.current && (
        <Tooltip
          readings={readings}
          nearest={kept ? null : shown.line}
          x={shown.x}
          view={view}
          plot={plot.current}
          width={width}
          baseline={baseline}
          kept={kept !== null}
        />
      )}
    </div>
  );
}

/** How many places a key moves by; 0 for one that doesn't. */
function stepOf(key: string, length: number): number {
  const page = Math.max(1, Math.round(length / 10));
  const steps = new Map([
    ["ArrowRight", 1],
    ["ArrowLeft", -1],
    ["PageDown", page],
    ["PageUp", -page],
    ["Home", -length],
    ["End", length],
  ]);
  return steps.get(key) ?? 0;
}

const ZOOM_KEYS: Record<string, number> = { "+": 0.5, "=": 0.5, "-": 2 };

function sentence({ line, value, at }: Reading, view: PlotView): string {
  return `${line.label}: ${formatNumber(value)}, ${formatPlace(line.x[at]!, view.placeKind)}`;
}
