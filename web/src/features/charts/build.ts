/** From curves as they are held to lines as they are drawn: places, smoothing, expressions, groups, looks. */
import type { Buckets } from "@/api/series";
import { type Aggregate, aggregate, type Curve, type Spread } from "@/charts/align";
import type { Node } from "@/charts/expression";
import { isAscending, type Line } from "@/charts/lines";
import { type Smoothing, smooth } from "@/charts/smoothing";
import { inStepOrder, inTimeOrder, isBranched, seriesId } from "./buckets";
import { type AxisX, computed, placesOf, stepsOf } from "./places";
import { naturally } from "./sections";

export interface BuildRun {
  id: string;
  name: string;
  startTime: number | null;
  colour: string;
  dash: number[];
  /** The group it belongs to; null where there are none. */
  group: string | null;
}

export interface BuildRequest {
  runs: BuildRun[];
  series: Buckets[];
  keys: string[];
  right: ReadonlySet<string>;
  expression: Node | null;
  axis: AxisX["kind"];
  /** Where each run's steps lie on a computed axis. */
  curves: ReadonlyMap<string, Curve> | null;
  /** More lines than can be told apart: they become a heat map, which has no place for branches. */
  dense: boolean;
  smoothing: Smoothing;
  amount: number;
  baseline: string | null;
  aggregate: Aggregate;
  spread: Spread;
  groupColour: (group: string) => string;
}

export interface Built {
  lines: Line[];
  /** Every line has one point: a bar says more. */
  single: boolean;
}

/** Dashes by which metrics of one panel, or values of a column, are told apart beside colour. */
export const DASHES: number[][] = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2]];
export const BASELINE_DASH = [9, 4];
const BASELINE_WIDTH = 2.8;
const WIDTH = 1.5;
const MOST_RESTARTS = 20;

/** The line without places that are no numbers. */
function placed(line: Line): Line {
  if (line.x.every(Number.isFinite)) return line;
  const kept: number[] = [];
  for (let i = 0; i < line.x.length; i++) if (Number.isFinite(line.x[i]!)) kept.push(i);
  return reordered(line, kept);
}

/** These places of the line, in this order. */
function reordered(line: Line, order: number[]): Line {
  const pick = (column: Float64Array) => Float64Array.from(order, (i) => column[i]!);
  const maybe = (column: Float64Array | null) => column && pick(column);
  const { x, y, low, high, n, steps, times } = line;
  return {
    ...line,
    x: pick(x),
    y: pick(y),
    low: maybe(low),
    high: maybe(high),
    n: maybe(n),
    steps: maybe(steps),
    times: maybe(times),
  };
}

/** A run that was started again from an earlier step repeats some: its places in the order of time, a branch each. */
function branched(line: Line): Line {
  const { times, steps } = line;
  if (!times || !steps || isAscending(times)) return line;
  const order = Array.from(times, (_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b);
  let back = 0;
  for (let i = 1; i < order.length; i++) if (steps[order[i]!]! < steps[order[i - 1]!]!) back += 1;
  // Points of processes that log side by side come a little out of order: that is no restart.
  return back > MOST_RESTARTS ? line : reordered(line, order);
}

function labelOf(run: BuildRun, series: Buckets, several: boolean): string {
  const [key, model, dataset] = series.series;
  const parts = [run.name, several ? key : "", dataset, dataset ? "" : model.slice(0, 8)];
  return parts.filter(Boolean).join(" · ");
}

export function buildLines(request: BuildRequest): Built {
  const byRun = new Map<string, Map<string, Buckets[]>>();
  for (const one of request.series) {
    const keys = byRun.get(one.runId) ?? new Map<string, Buckets[]>();
    byRun.set(one.runId, keys);
    keys.set(one.key, [...(keys.get(one.key) ?? []), one]);
  }
  const first = (runId: string, key: string) => byRun.get(runId)?.get(key)?.[0];
  const built: Built = { lines: [], single: true };
  const members = new Map<string, { line: Line; key: string; group: string }[]>();
  for (const run of request.runs) {
    const expression = request.expression;
    const own = expression
      ? [computed(expression, (key, base) => first(base ? (request.baseline ?? "") : run.id, key))]
      : request.keys.flatMap((key) => byRun.get(run.id)?.get(key) ?? []);
    for (const series of own) {
      if (!series?.steps.length) continue;
      const line = runLine(request, run, series);
      if (line.y.length > 1) built.single = false;
      if (run.group === null) built.lines.push(line);
      else {
        const key = expression ? "" : series.key;
        const id = `${run.group}\n${key}`;
        members.set(id, [...(members.get(id) ?? []), { line, key, group: run.group }]);
      }
    }
  }
  for (const group of members.values()) built.lines.push(groupLine(request, group));
  if (members.size) built.lines.sort((a, b) => naturally(a.label, b.label));
  // The baseline is drawn last: on top.
  built.lines.sort((a, b) => Number(a.isBaseline) - Number(b.isBaseline));
  built.single &&= built.lines.length > 0;
  return built;
}

function runLine(request: BuildRequest, run: BuildRun, held: Buckets): Line {
  const { axis, dense } = request;
  const byTime = axis === "wall" || axis === "relative";
  const branches = !byTime && !request.expression && run.group === null && !dense;
  const series = byTime ? inTimeOrder(held) : branches ? held : inStepOrder(held);
  const isBaseline = run.id === request.baseline;
  const several = request.keys.length > 1 && !request.expression;
  const place = Math.max(0, request.keys.indexOf(series.key));
  const dash = run.dash.length || !several ? run.dash : (DASHES[place % DASHES.length] ?? []);
  const exact = series.counts.every((count) => count <= 1) || request.expression !== null;
  let line = placed({
    id: request.expression ? `${run.id}\nexpression` : seriesId(series),
    runId: run.id,
    key: request.expression ? null : series.key,
    label: labelOf(run, series, several),
    colour: run.colour,
    x: placesOf(series, axis, run.startTime, request.curves?.get(run.id)),
    y: series.mean,
    raw: null,
    low: exact ? null : series.min,
    high: exact ? null : series.max,
    n: series.counts,
    steps: stepsOf(series),
    times: series.timestamps,
    dash: isBaseline ? BASELINE_DASH : dash,
    width: isBaseline ? BASELINE_WIDTH : WIDTH,
    right: request.right.has(series.key),
    isBaseline,
    ascending: true,
  });
  if (branches && (exact || isBranched(series))) line = branched(line);
  line.ascending = isAscending(line.x);
  const smoothed = smooth(request.smoothing, request.amount, line.x, line.y);
  return smoothed === line.y ? line : { ...line, raw: line.y, y: smoothed };
}

function groupLine(request: BuildRequest, members: { line: Line; key: string; group: string }[]): Line {
  const { key, group, line } = members[0]!;
  const curves = members.filter((one) => one.line.ascending).map((one) => one.line);
  const joint = aggregate(curves, request.aggregate, request.spread);
  const several = request.keys.length > 1 && !request.expression;
  const place = Math.max(0, request.keys.indexOf(key));
  return {
    id: `group\n${group}\n${key}`,
    runId: null,
    key: null,
    label: [group, several ? key : "", `n = ${members.length}`].filter(Boolean).join(" · "),
    colour: request.groupColour(group),
    x: joint.x,
    y: joint.y,
    raw: null,
    low: joint.low,
    high: joint.high,
    n: joint.n,
    steps: null,
    times: null,
    dash: several ? (DASHES[place % DASHES.length] ?? []) : [],
    width: 2,
    right: line.right,
    isBaseline: false,
    ascending: true,
  };
}
