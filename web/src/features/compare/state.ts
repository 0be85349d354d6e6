/** The comparison's part of the address. It may come from anywhere: what doesn't parse is left out. */
import { useCallback, useMemo } from "react";
import type { Brush } from "@/charts/parallel";
import { columnId, parseColumn } from "@/features/experiment/columns";
import { useExperimentState } from "@/features/experiment/state";

export const VIEWS = [
  "diff",
  "parallel",
  "scatter",
  "slices",
  "contour",
  "box",
  "importance",
  "code",
  "images",
  "tables",
] as const;
export type View = (typeof VIEWS)[number];

export interface CompareState {
  view: View;
  /** Show what is equal too. */
  all?: boolean;
  /** Runs as rows, facts as columns. */
  flip?: boolean;
  /** Which figure of metrics the differences show. */
  stat?: string;
  /** The first run shown on this page of many. */
  from?: number;
  /** The run that sentences and code diffs hold against the baseline. */
  other?: string;
  /** Column ids: the axes of parallel coordinates, in their order. */
  axes?: string[];
  /** Columns whose axes are logarithmic or are not; of others the values decide. */
  log?: Record<string, boolean>;
  brush?: Record<string, Brush>;
  x?: string;
  y?: string;
  colour?: string;
  size?: string;
  fit?: boolean;
  pareto?: boolean;
  /** Columns of which less is better; the others' more is. */
  less?: string[];
  /** Metric that contours, boxes, slices and importance explain. */
  metric?: string;
  by?: string;
  shape?: string;
  /** Files of the left and the right run. */
  file?: string;
  file2?: string;
  inline?: boolean;
  /** Whether white space counts. */
  ws?: boolean;
  image?: string;
  step?: number;
  zoom?: number;
  blend?: boolean;
  table?: string;
  key?: string;
}

const MAX_TEXT = 2_000;
const MAX_LIST = 200;

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value.slice(0, MAX_TEXT) : undefined;
const flag = (value: unknown): true | undefined => (value === true ? true : undefined);
const whole = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;

function columnText(value: unknown): string | undefined {
  const column = typeof value === "string" ? parseColumn(value) : null;
  return column ? columnId(column) : undefined;
}

function columnTexts(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.slice(0, MAX_LIST).flatMap((one) => columnText(one) ?? []);
  return [...new Set(found)];
}

function switches(value: unknown): Record<string, boolean> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = Object.entries(value)
    .slice(0, MAX_LIST)
    .filter(
      (pair): pair is [string, boolean] => typeof pair[1] === "boolean" && Boolean(columnText(pair[0])),
    );
  return found.length ? Object.fromEntries(found) : undefined;
}

function brushOf(value: unknown): Brush | null {
  if (!Array.isArray(value)) return null;
  if (value.length === 2 && value.every((one) => typeof one === "number" && Number.isFinite(one))) {
    return [Math.min(...value), Math.max(...value)];
  }
  return value.every((one) => typeof one === "string") ? value.slice(0, MAX_LIST) : null;
}

function brushes(value: unknown): Record<string, Brush> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = Object.entries(value)
    .slice(0, MAX_LIST)
    .flatMap(([id, one]): [string, Brush][] => {
      const brush = columnText(id) ? brushOf(one) : null;
      return brush ? [[id, brush]] : [];
    });
  return found.length ? Object.fromEntries(found) : undefined;
}

export function parseCompareState(raw: Record<string, unknown> | undefined): CompareState {
  const given = raw ?? {};
  const view = VIEWS.find((one) => one === given.view) ?? "diff";
  const from = whole(given.from);
  return {
    view,
    all: flag(given.all),
    flip: flag(given.flip),
    stat: text(given.stat),
    from: from !== undefined && from > 0 ? from : undefined,
    other: text(given.other),
    axes: columnTexts(given.axes),
    log: switches(given.log),
    brush: brushes(given.brush),
    x: columnText(given.x),
    y: columnText(given.y),
    colour: columnText(given.colour),
    size: columnText(given.size),
    fit: flag(given.fit),
    pareto: flag(given.pareto),
    less: columnTexts(given.less),
    metric: columnText(given.metric),
    by: columnText(given.by),
    shape: text(given.shape),
    file: text(given.file),
    file2: text(given.file2),
    inline: flag(given.inline),
    ws: flag(given.ws),
    image: text(given.image),
    step: whole(given.step),
    zoom: whole(given.zoom),
    blend: flag(given.blend),
    table: text(given.table),
    key: text(given.key),
  };
}

/** Whether a column's axis is to be logarithmic. */
export const logOf = (compare: CompareState, id: string | undefined): boolean | "auto" =>
  (id ? compare.log?.[id] : undefined) ?? "auto";

export type SetCompare = (change: Partial<CompareState>, options?: { replace?: boolean }) => void;

/** The comparison's state and how to change it, beside the page's own. */
export function useCompareState() {
  const page = useExperimentState();
  const { state, set } = page;
  const compare = useMemo(() => parseCompareState(state.compare), [state.compare]);
  const setCompare = useCallback<SetCompare>(
    (change, options) => {
      const next = Object.entries({ ...compare, ...change }).filter(
        ([key, value]) => value !== undefined && !(key === "view" && value === "diff"),
      );
      set({ compare: next.length ? Object.fromEntries(next) : undefined }, options);
    },
    [compare, set],
  );
  return { ...page, compare, setCompare };
}
