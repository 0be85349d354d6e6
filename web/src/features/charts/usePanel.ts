/** What one panel draws: its curves fetched, computed and dressed. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Buckets } from "@/api/series";
import { zone } from "@/app/preferences";
import { ExpressionError, metricsOf, type Node, parseExpression } from "@/charts/expression";
import type { Mark } from "@/charts/lines";
import type { PlaceKind, PlotView } from "@/charts/plotView";
import { extent, type Range } from "@/charts/ranges";
import { type Board, useBoard } from "./board";
import { seriesId, spliced } from "./buckets";
import { type Built, buildLines, placesOf } from "./build";
import { loader, type Wish } from "./loader";
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

function readExpression(text: string | undefined, keys: string[]): { node: Node | null; mistake: string } {
  if (!text) return { node: null, mistake: "" };
  try {
    return { node: parseExpression(text, keys), mistake: "" };
  } catch (error) {
    if (error instanceof ExpressionError) return { node: null, mistake: error.message };
    throw error;
  }
}

/** The steps that lie in a range of x, over all series; null where all are held as they were logged. */
function stepsIn(
  series: Buckets[],
  zoom: Range,
  x: string,
  starts: Map<string, number | null>,
): Range | null {
  const metrics = new Map(series.filter((one) => `m:${one.key}` === x).map((one) => [one.runId, one]));
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let merged = false;
  for (const one of series) {
    const places = placesOf(one, x, starts.get(one.runId) ?? null, metrics.get(one.runId) ?? null);
    for (let i = 0; i < places.length; i++) {
      // A bucket before and one behind belong to what is seen: lines lead there.
      const after = places[i - 1] ?? places[i]!;
      const before = places[i + 1] ?? places[i]!;
      if (before < zoom[0] || after > zoom[1]) continue;
      first = Math.min(first, one.steps[i]!);
      last = Math.max(last, one.lastSteps[i]!);
      merged ||= one.counts[i]! > 1;
    }
  }
  return merged ? [first, last] : null;
}

/** The last part of what is there, by its share: a window that moves on with new points. */
function lastPart(
  series: Buckets[],
  x: string,
  starts: Map<string, number | null>,
  share: number,
): Range | null {
  if (x.startsWith("m:")) return null;
  const ends = series.flatMap((one) => {
    const places = placesOf(one, x, starts.get(one.runId) ?? null, null);
    return places.length ? [places[0]!, places[places.length - 1]!] : [];
  });
  const whole = extent([ends]);
  return whole && whole[0] < whole[1] ? [whole[1] - (whole[1] - whole[0]) * share, whole[1]] : null;
}

const PLACES: Record<string, PlaceKind> = { wall: "time", relative: "duration" };

export function usePanel(spec: PanelSpec, width: number): PanelData {
  const board = useBoard();
  const { runs, keys: allKeys, baseline, state } = board;
  const { node, mistake } = useMemo(() => readExpression(spec.expr, allKeys), [spec.expr, allKeys]);
  const keys = useMemo(() => (spec.expr ? [] : panelKeys(spec, allKeys)), [spec, allKeys]);
  const settings = settingsOf(state, spec);
  const dense = runs.length * Math.max(1, keys.length) > MOST_LINES;
  const wish = useMemo<Wish | null>(() => {
    const needed = new Set(node ? metricsOf(node).map((metric) => metric.key) : keys);
    if (!width || !needed.size || !runs.length) return null;
    if (settings.x.startsWith("m:")) needed.add(settings.x.slice(2));
    const ids = new Set(runs.map((run) => run.id));
    if (baseline && node) ids.add(baseline);
    // In steps, so that a window that is pulled wider doesn't ask with each pixel.
    const pixels = Math.max(1, Math.floor((width - AXIS_PX) / COUNT_STEP)) * COUNT_STEP;
    return {
      runIds: [...ids],
      keys: [...needed],
      count: dense ? DENSE_COUNT : Math.min(MOST_BUCKETS, pixels),
    };
  }, [node, keys, runs, baseline, settings.x, width, dense]);
  const coarse = useSeries(wish);

  const zoom = settings.x === state.x ? state.zoom : null;
  const starts = useMemo(() => new Map(runs.map((run) => [run.id, run.startTime])), [runs]);
  const following = settings.x === state.x && !state.zoom ? state.follow : 0;
  const end = useMemo(
    () => (following ? lastPart(coarse.series, settings.x, starts, following) : null),
    [coarse.series, settings.x, starts, following],
  );
  const part = zoom ?? end;
  // Found once per zoom: with each new point it would be another query.
  const ready = !coarse.waiting;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new points don't move a zoom
  const steps = useMemo(
    () => (part && ready ? stepsIn(coarse.series, part, settings.x, starts) : null),
    [zoom, following, settings.x, starts, ready],
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
  const { x, smooth, amount } = settings;
  const built = useMemo(
    () =>
      buildLines({
        runs,
        series,
        keys,
        right: new Set(spec.right),
        expression: node,
        x,
        smoothing: smooth,
        amount,
        baseline,
        aggregate: agg,
        spread,
        groupColour: (group) => groupColours.get(group) ?? "",
      }),
    [runs, series, keys, spec.right, node, x, smooth, amount, baseline, agg, spread, groupColours],
  );
  const marks = useMemo(
    () => (state.events && events.length ? marksOf(events, starts, x) : NO_MARKS),
    [events, starts, state.events, x],
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
    keys,
    loading: coarse.waiting,
    error: coarse.error ?? fine.error,
    mistake,
    retry: () => {
      coarse.retry();
      fine.retry();
    },
  };
}

const NO_MARKS: Mark[] = [];

/** Events at their places on this axis; none where that is another metric. */
function marksOf(events: Board["events"], starts: Map<string, number | null>, x: string): Mark[] {
  if (x.startsWith("m:")) return NO_MARKS;
  return events.flatMap(({ step, time, runId, label, colour }): Mark[] => {
    if (!starts.has(runId)) return [];
    const start = starts.get(runId);
    if (x === "relative" && (start === null || start === undefined)) return [];
    // A model that was saved without a step has step 0, which says nothing.
    if (x === "step" && step === 0) return [];
    const at = x === "wall" ? time : x === "relative" ? (time - (start ?? 0)) / 1000 : step;
    return [{ x: at, label, colour }];
  });
}
