/**
 * Colours of runs by what they have in common: a name each for the values of a param, tag or fact, a scale for a metric.
 * One choice for table and charts, judged on all runs that match, so that a value has the same colour in both. Colours
 * never stand alone: names have shapes too, and a place on the scale is also how full a mark is.
 */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type JsonNumber, post, toNumber } from "@/api/client";
import { colourOf, distinctColours, scaleColour, useDark } from "@/charts/colours";
import { formatNumber } from "@/ui/format";
import { messages as words } from "@/ui/messages";
import { type Column, columnId, parseColumn } from "./columns";
import { whichRuns } from "./data";
import { messages } from "./messages";
import type { ExperimentSearch } from "./search";

/** Values that get a colour of their own; the others have one that may be another's too. */
const MOST_NAMES = 36;
const SHAPES = 4;
const NOTHING = "#8a8a8a";

/** How a value looks. */
export interface Paint {
  colour: string;
  /** The mark's shape, of those that names are told apart by. */
  shape: number;
  /** How full the mark is, 0…1. */
  fill: number;
  /** The value in words. */
  text: string;
}

export interface PaintedName extends Paint {
  runs: number;
}

export interface Colouring {
  id: string;
  column: Column;
  label: string;
  /** The ends of the scale; null where values have names. */
  scale: { low: number; high: number } | null;
  names: PaintedName[];
  /** Values that the names don't tell of. */
  more: number;
  paint: (value: string | number | null | undefined) => Paint;
}

/** Figures of a metric are what only it has; of attributes, those that runs share. */
export function canColour(column: Column | null): column is Column {
  return column !== null && (column.kind !== "attribute" || ["status", "user_id"].includes(column.key));
}

/** What the address says the colours mean. */
export function colourChoice(state: ExperimentSearch): string | undefined {
  const charted = state.charts?.colour;
  const id = state.colour ?? (typeof charted === "string" ? charted : undefined);
  return id && canColour(parseColumn(id)) ? id : undefined;
}

/** The change of the address that makes another choice, or none. */
export function withColour(state: ExperimentSearch, id: string | undefined): Partial<ExperimentSearch> {
  const { colour: _, ...charts } = state.charts ?? {};
  return { colour: id, charts: Object.keys(charts).length ? charts : undefined };
}

interface Seen {
  groups: { key: (string | null)[]; runs: number; figures: { min: unknown; max: unknown }[] }[];
  total: number;
}

function nothing(): Paint {
  return { colour: NOTHING, shape: 0, fill: 0, text: messages.noValue };
}

/** Pure: what is seen of a column as colours. */
export function colouringOf(column: Column, seen: Seen, dark: boolean): Colouring {
  const label = column.kind === "attribute" ? messages.facts[column.key as "status"] : column.key;
  const base = { id: columnId(column), column, label };
  if (column.kind === "metric") {
    const ends = seen.groups.flatMap(({ figures: [one] }) =>
      [one?.min, one?.max].flatMap((end) => toNumber((end ?? null) as JsonNumber | null) ?? []),
    );
    const finite = ends.filter(Number.isFinite);
    const low = Math.min(...finite);
    const high = Math.max(...finite);
    const paint = (value: string | number | null | undefined): Paint => {
      const number = toNumber((value ?? null) as JsonNumber | null);
      if (number === null || Number.isNaN(number) || !finite.length) return nothing();
      const share = high > low ? Math.min(1, Math.max(0, (number - low) / (high - low))) : 1;
      return { colour: scaleColour(share, dark), shape: 0, fill: share, text: formatNumber(number) };
    };
    return { ...base, scale: finite.length ? { low, high } : null, names: [], more: 0, paint };
  }
  const values = seen.groups.flatMap(({ key: [value] }) => value ?? []);
  const colours = distinctColours(values, dark);
  const places = new Map([...values].sort().map((value, place) => [value, place]));
  const textOf = (value: string) =>
    column.key === "status" && column.kind === "attribute" ? (words.statuses[value] ?? value) : value;
  const paint = (value: string | number | null | undefined): Paint => {
    if (value === null || value === undefined) return nothing();
    const name = String(value);
    return {
      colour: colours.get(name) ?? colourOf(name, dark),
      shape: (places.get(name) ?? 0) % SHAPES,
      fill: 1,
      text: textOf(name),
    };
  };
  const names = seen.groups.map(({ key: [value], runs }) => ({ ...paint(value), runs }));
  return { ...base, scale: null, names, more: Math.max(0, seen.total - seen.groups.length), paint };
}

/** The colours of a choice; null while there is none, or its values are not known yet. */
export function useColouring(
  experimentIds: string[],
  id: string | undefined,
  state: ExperimentSearch = {},
): Colouring | null {
  const dark = useDark();
  const { filter, view } = whichRuns(experimentIds, state);
  const { data } = useQuery({
    queryKey: ["colouring", experimentIds, filter, view, id],
    queryFn: async ({ signal }) => {
      const column = parseColumn(id ?? "") as Column;
      const isMetric = column.kind === "metric";
      const answer = await post(
        "/api/assay/v1/runs/groups",
        {
          experiment_ids: experimentIds,
          filter,
          view,
          by: [isMetric ? { kind: "attribute" as const, key: "status" } : column],
          columns: isMetric ? [column] : [],
          limit: MOST_NAMES,
        },
        signal,
      );
      return { column, answer };
    },
    enabled: id !== undefined && canColour(parseColumn(id)),
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  });
  return useMemo(
    () => (id && data && columnId(data.column) === id ? colouringOf(data.column, data.answer, dark) : null),
    [id, data, dark],
  );
}
