/** A plot on a page: it follows the pointer of others, reads values by keyboard, and tells what is pointed at. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useDark } from "@/charts/colours";
import { cursor } from "@/charts/cursor";
import { type Line, nearestPlace, type Reading, readAt } from "@/charts/lines";
import { Plot, type PlotView } from "@/charts/plot";
import { type Range, zoomed } from "@/charts/ranges";
import { hover } from "@/features/experiment/state";
import { formatNumber } from "@/ui/format";
import styles from "./Charts.module.css";
import { messages } from "./messages";
import { Tooltip } from "./Tooltip";
import { formatPlace } from "./values";

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
  onLine: (line: Line, at: { x: number; y: number }) => void;
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
          if (line) latest.current.onLine(line, { x: event.clientX, y: event.clientY });
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
    if (found) setSpoken(sentence(found, view));
  };
  const keys = (event: KeyboardEvent) => {
    const made = plot.current;
    if (!made || !view.lines.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const line = pointed?.line ?? view.lines[0]!;
    const at = nearestPlace(line, pointed?.x ?? made.shown.x[0]);
    const move = (places: number) => {
      const next = Math.max(0, Math.min(line.x.length - 1, at + places));
      read(line.x[next]!, line);
    };
    const other = (by: number) => {
      const order = readings.map((one) => one.line);
      const list = order.length ? order : view.lines;
      const next = list[(list.indexOf(line) + by + list.length) % list.length]!;
      read(pointed?.x ?? line.x[0]!, next);
    };
    const zoom = (factor: number) =>
      onZoom(
        zoomed(made.shown.x, pointed?.x ?? (made.shown.x[0] + made.shown.x[1]) / 2, factor, "linear", 1),
      );
    const page = Math.max(1, Math.round(line.x.length / 10));
    const actions: Record<string, () => void> = {
      ArrowRight: () => move(1),
      ArrowLeft: () => move(-1),
      PageDown: () => move(page),
      PageUp: () => move(-page),
      Home: () => move(-line.x.length),
      End: () => move(line.x.length),
      ArrowDown: () => other(1),
      ArrowUp: () => other(-1),
      "+": () => zoom(0.5),
      "=": () => zoom(0.5),
      "-": () => zoom(2),
      "0": () => onZoom(null),
      Escape: () => (kept ? setKept(null) : setPointed(null)),
      Enter: () => {
        const box = root.current!.getBoundingClientRect();
        onLine(line, { x: box.left + box.width / 2, y: box.top + 40 });
      },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
  return (
    <div className={styles.plotBox}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it hears the keys that its hint names */}
      <div
        ref={root}
        className={styles.plot}
        role="application"
        aria-roledescription="chart"
        aria-label={messages.plotLabel(title, view.lines.length)}
        aria-describedby={hint}
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
          baseline={baseline}
          kept={kept !== null}
        />
      )}
    </div>
  );
}

function sentence({ line, value, at }: Reading, view: PlotView): string {
  return `${line.label}: ${formatNumber(value)}, ${formatPlace(line.x[at]!, view.placeKind)}`;
}
