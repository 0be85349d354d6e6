/** What one panel draws: its curves fetched, computed and dressed. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Buckets } from "@/api/series";
import { zone } from "@/app/preferences";
import type { Curve } from "@/charts/align";
import { metricsOf } from "@/charts/expression";
import type { Mark } from "@/charts/lines";
import type { PlaceKind, PlotView } from "@/charts/plotView";
import { extent, type Range } from "@/charts/ranges";
import { useBoard } from "./board";
import { seriesId, spliced } from "./buckets";
import { type Built, buildLines } from "./build";
import { loader, type Wish } from "./loader";
import { marksOf } from "./marks";
import { type AxisX, axisCurves, placesOf, readAxis, readExpression } from "./places";
import { panelKeys } from "./sections";
import type { ChartState, PanelSpec } from "./state";
import { forgetTurn, inTurn } from "./turns";

/** Lines beyond this many are a thicket: a heat map says more. */
export const MOST_LINES = 200;
const COUNT_STEP = 100;
/** About what the axis of y takes of a panel's width. */
const AXIS_PX = 60;
const DENSE_COUNT = 100;
const MOST_BUCKETS = 2_000;

export interface PanelData {
  view: PlotView;
  built: Built;
  axis: AxisX;
  keys: string[];
  loading: boolean;
  error: unknown;
  mistake: string;
  retry: () => void;
}

/** The settings of a panel: its own where it has some, else those of all. */
export function settingsOf(state: ChartState, spec: PanelSpec) {
  return {
    x: spec.x ?? state.x,
    xScale: spec.x !== undefined && spec.x !== state.x ? ("linear" as const) : state.xScale,
    y: spec.y ?? state.y,
    smooth: spec.smooth ?? state.smooth,
    amount: spec.amount ?? state.amount,
    outliers: spec.outliers ?? state.outliers,
  };
}

function useSeries(wish: Wish | null): {
  series: Buckets[];
  waiting: boolean;
  error: unknown;
  retry: () => void;
} {
  const [version, setVersion] = useState(0);
  const user = useRef({});
  useEffect(() => {
    if (!wish) return;
    const owner = user.current;
    const end = loader.use(owner, wish, () => inTurn(owner, () => setVersion((before) => before + 1)));
    setVersion((before) => before + 1);
    return () => {
      end();
      forgetTurn(owner);
    };
  }, [wish]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version tells that the loader holds more
  const found = useMemo(
    () => (wish ? loader.read(wish) : { series: [], waiting: false, error: null }),
    [wish, version],
  );
  const retry = useCallback(() => {
    if (wish) loader.retry(wish);
    setVersion((before) => before + 1);
  }, [wish]);
  return { ...found, retry };
}

/** How a panel's series lie on its axis of x. */
interface Placing {
  kind: AxisX["kind"];
  starts: ReadonlyMap<string, number | null>;
  curves: ReadonlyMap<string, Curve> | null;
}

const placed = (one: Buckets, { kind, starts, curves }: Placing) =>
  placesOf(one, kind, starts.get(one.runId) ?? null, curves?.get(one.runId));

/** The steps that lie in a range of x, over all series; null where all are held as they were logged. */
export function stepsIn(series: Buckets[], zoom: Range, placing: Placing): Range | null {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let merged = false;
  for (const one of series) {
    const places = placed(one, placing);
    // Where the axis says nothing of a neighbour, or another branch begins, there is none.
    const beside = (i: number, here: number, isNear: boolean) =>
      isNear && Number.isFinite(places[i]) ? places[i]! : here;
    for (let i = 0; i < places.length; i++) {
      const here = places[i]!;
      if (!Number.isFinite(here)) continue;
      // A bucket before and one behind belong to what is seen: lines lead there.
      const step = one.steps[i]!;
      const a = beside(i - 1, here, one.steps[i - 1]! <= step);
      const b = beside(i + 1, here, one.steps[i + 1]! >= step);
      if (Math.max(a, b, here) < zoom[0] || Math.min(a, b, here) > zoom[1]) continue;
      first = Math.min(first, step);
      last = Math.max(last, one.lastSteps[i]!);
      merged ||= one.counts[i]! > 1;
    }
  }
  return merged ? [first, last] : null;
}

/** The last part of what is there, by its share: a window that moves on with new points. */
function lastPart(series: Buckets[], placing: Placing, share: number): Range | null {
  const whole = extent(series.map((one) => placed(one, placing)));
  return whole && whole[0] < whole[1] ? [whole[1] - (whole[1] - whole[0]) * share, whole[1]] : null;
}

const PLACES: Record<string, PlaceKind> = { wall: "time", relative: "duration" };

/** `ownZoom` is what a panel with an axis of its own is zoomed to; the others share what stands in the address. */
export function usePanel(spec: PanelSpec, width: number, ownZoom: Range | null): PanelData {
  const board = useBoard();
  const { runs, keys: allKeys, baseline, state } = board;
  const { node, mistake } = useMemo(() => readExpression(spec.expr, allKeys), [spec.expr, allKeys]);
  const keys = useMemo(() => (spec.expr ? [] : panelKeys(spec, allKeys)), [spec, allKeys]);
  const settings = settingsOf(state, spec);
  const axis = useMemo(() => readAxis(settings.x, allKeys), [settings.x, allKeys]);
  const dense = runs.length * Math.max(1, keys.length) > MOST_LINES;
  // Equal in log step, so that the left decades aren't one bucket; days have no logarithm.
  const logarithmic = settings.xScale === "log" && axis.kind !== "wall";
  const wish = useMemo<Wish | null>(() => {
    const needed = new Set(node ? metricsOf(node).map((metric) => metric.key) : keys);
    if (!width || !needed.size || !runs.length) return null;
    const onAxis = axis.node ? metricsOf(axis.node) : [];
    for (const { key } of onAxis) needed.add(key);
    const ids = new Set(runs.map((run) => run.id));
    if (baseline && (node || onAxis.some(({ base }) => base))) ids.add(baseline);
    // In steps, so that a window that is pulled wider doesn't ask with each pixel.
    const pixels = Math.max(1, Math.floor((width - AXIS_PX) / COUNT_STEP)) * COUNT_STEP;
    return {
      runIds: [...ids],
      keys: [...needed],
      count: dense ? DENSE_COUNT : Math.min(MOST_BUCKETS, pixels),
      scale: logarithmic ? "log" : undefined,
    };
  }, [node, keys, runs, baseline, axis, width, dense, logarithmic]);
  const coarse = useSeries(wish);

  const zoom = settings.x === state.x ? state.zoom : ownZoom;
  const starts = useMemo(() => new Map(runs.map((run) => [run.id, run.startTime])), [runs]);
  const following = settings.x === state.x && !state.zoom ? state.follow : 0;
  const placing = useMemo<Placing>(
    () => ({ kind: axis.kind, starts, curves: axisCurves(axis, coarse.series, baseline) }),
    [axis, starts, coarse.series, baseline],
  );
  const end = useMemo(
    () => (following ? lastPart(coarse.series, placing, following) : null),
    [coarse.series, placing, following],
  );
  const part = zoom ?? end;
  // Found once per zoom: with each new point it would be another query.
  const ready = !coarse.waiting;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new points don't move a zoom
  const steps = useMemo(
    () => (part && ready ? stepsIn(coarse.series, part, placing) : null),
    [zoom, following, axis, starts, ready],
  );
  const [first, last] = steps ?? [null, null];
  const fineWish = useMemo<Wish | null>(
    () =>
      wish && first !== null && last !== null
        ? { ...wish, count: Math.max(wish.count, Math.ceil(width)), firstStep: first, lastStep: last }
        : null,
    [wish, first, last, width],
  );
  const fine = useSeries(fineWish);
  const series = useMemo(() => {
    if (!fine.series.length) return coarse.series;
    const byId = new Map(fine.series.map((one) => [seriesId(one), one]));
    return coarse.series.map((one) => {
      const close = byId.get(seriesId(one));
      return close ? spliced(one, close) : one;
    });
  }, [coarse.series, fine.series]);

  const { groupColours, events } = board;
  const { agg, spread } = state;
  const { smooth, amount } = settings;
  const curves = useMemo(() => axisCurves(axis, series, baseline), [axis, series, baseline]);
  const built = useMemo(
    () =>
      buildLines({
        runs,
        series,
        keys,
        right: new Set(spec.right),
        expression: node,
        axis: axis.kind,
        curves,
        dense,
        smoothing: smooth,
        amount,
        baseline,
        aggregate: agg,
        spread,
        groupColour: (group) => groupColours.get(group) ?? "",
      }),
    [
      runs,
      series,
      keys,
      spec.right,
      node,
      axis,
      curves,
      dense,
      smooth,
      amount,
      baseline,
      agg,
      spread,
      groupColours,
    ],
  );
  const marks = useMemo(
    () =>
      state.events && events.length
        ? marksOf({ events, lines: built.lines, starts, axis: axis.kind, curves })
        : NO_MARKS,
    [events, built.lines, starts, state.events, axis, curves],
  );
  const view = useMemo<PlotView>(
    () => ({
      lines: built.lines,
      dense: built.lines.length > MOST_LINES,
      strong: new Set(
        built.lines.filter((line) => line.runId && board.strong.has(line.runId)).map((line) => line.id),
      ),
      placeKind: PLACES[settings.x] ?? "number",
      xScale: settings.x === "wall" ? "linear" : settings.xScale,
      yScale: settings.y,
      zoom: part,
      fixed: [spec.min ?? null, spec.max ?? null],
      outliers: settings.outliers,
      band: state.band || state.group.length > 0,
      marks,
      utc: zone() === "utc",
    }),
    [
      built,
      board.strong,
      settings.x,
      settings.xScale,
      settings.y,
      settings.outliers,
      part,
      spec.min,
      spec.max,
      state.band,
      state.group,
      marks,
    ],
  );
  return {
    view,
    built,
    axis,
    keys,
    loading: coarse.waiting,
    error: coarse.error ?? fine.error,
    mistake: mistake || axis.mistake,
    retry: () => {
      coarse.retry();
      fine.retry();
    },
  };
}

const NO_MARKS: Mark[] = [];
