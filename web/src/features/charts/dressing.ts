/** How runs look and where they belong: colours, dashes and groups by their params, tags and metrics. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { toNumber } from "@/api/client";
import { colourOf, distinctColours, scaleColour, useDark } from "@/charts/colours";
import { parseColumn } from "@/features/experiment/columns";
import { type Keys, rowsQuery, type ShownRun } from "@/features/experiment/data";
import { formatNumber } from "@/ui/format";
import { messages as words } from "@/ui/messages";
import { type BuildRun, DASHES } from "./build";
import type { ChartState } from "./state";
import type { Choices } from "./Toolbar";

type Values = Map<string, (string | number | null)[]>;

/** Values of some columns for each run, in the order of the columns. */
function useValues(experimentIds: string[], runs: ShownRun[], ids: string[]): Values {
  const columns = ids.flatMap((id) => parseColumn(id) ?? []);
  const runIds = runs.map((run) => run.id);
  const { data } = useQuery({
    ...rowsQuery({
      experiment_ids: experimentIds,
      run_ids: runIds,
      columns,
      limit: Math.max(1, runIds.length),
    }),
    enabled: columns.length > 0 && columns.length === ids.length && runIds.length > 0,
    placeholderData: keepPreviousData,
  });
  return useMemo(() => {
    const found: Values = new Map();
    data?.runs.run_id.forEach((id, i) => {
      found.set(
        id,
        data.columns.map((column) => column[i] ?? null),
      );
    });
    return found;
  }, [data]);
}

function textOf(value: string | number | null | undefined): string {
  return value === null || value === undefined
    ? words.missing
    : typeof value === "number"
      ? formatNumber(value)
      : value;
}

/** Colour by a column: a scale for metrics, a lasting colour for each other value. */
function coloursBy(
  id: string,
  values: Map<string, string | number | null>,
  dark: boolean,
): Map<string, string> {
  const isMetric = parseColumn(id)?.kind === "metric";
  const numbers = [...values.values()]
    .map((value) => toNumber(value))
    .filter((value) => Number.isFinite(value));
  const low = Math.min(...(numbers as number[]));
  const high = Math.max(...(numbers as number[]));
  const distinct = distinctColours(isMetric ? [] : [...values.values()].map(textOf), dark);
  return new Map(
    [...values].map(([runId, value]) => {
      if (!isMetric) return [runId, distinct.get(textOf(value)) ?? ""];
      const number = toNumber(value);
      return [runId, scaleColour(number === null ? Number.NaN : (number - low) / (high - low || 1), dark)];
    }),
  );
}

export function useDressed(experimentIds: string[], runs: ShownRun[], state: ChartState): BuildRun[] {
  const dark = useDark();
  const ids = useMemo(() => {
    const wanted = [...state.group, state.colour, state.dash].filter((id) => parseColumn(id) !== null);
    return [...new Set(wanted)];
  }, [state.group, state.colour, state.dash]);
  const values = useValues(experimentIds, runs, ids);
  return useMemo(() => {
    const of = (runId: string, id: string) => values.get(runId)?.[ids.indexOf(id)] ?? null;
    const column = (id: string) => new Map(runs.map((run) => [run.id, of(run.id, id)]));
    const colours = ids.includes(state.colour) ? coloursBy(state.colour, column(state.colour), dark) : null;
    const dashes = ids.includes(state.dash)
      ? [...new Set(runs.map((run) => textOf(of(run.id, state.dash))))].sort()
      : [];
    const groups = state.group.filter((id) => ids.includes(id));
    const seen = new Map<string, number>();
    // There are more runs than colours: those that share one are told apart by their dashes.
    const own = (colour: string) => {
      const before = seen.get(colour) ?? 0;
      seen.set(colour, before + 1);
      return colours ? [] : (DASHES[before % DASHES.length] ?? []);
    };
    return runs.map((run) => ({
      id: run.id,
      name: run.name,
      startTime: run.startTime,
      colour: colours?.get(run.id) ?? colourOf(run.id, dark),
      dash: dashes.length
        ? (DASHES[dashes.indexOf(textOf(of(run.id, state.dash))) % DASHES.length] ?? [])
        : own(colourOf(run.id, dark)),
      group: groups.length
        ? groups.map((id) => `${parseColumn(id)?.key} = ${textOf(of(run.id, id))}`).join(", ")
        : null,
    }));
  }, [runs, values, ids, state.colour, state.dash, state.group, dark]);
}

const HIDDEN_TAGS = /^(mlflow|assay)\./;

/** What runs may be grouped and dressed by; what is the same in all of them comes last. */
export function choicesOf(keys: Keys | undefined): Choices {
  const sorted = (list: { key: string; varies: boolean }[]) => [
    ...list.filter((one) => one.varies),
    ...list.filter((one) => !one.varies),
  ];
  return {
    params: sorted(keys?.params ?? []).map(({ key }) => ({ id: `p:${key}`, label: key })),
    tags: sorted(keys?.tags ?? [])
      .filter(({ key }) => !HIDDEN_TAGS.test(key))
      .map(({ key }) => ({ id: `t:${key}`, label: key })),
    attributes: [
      { id: "a:status", label: "status" },
      { id: "a:user_id", label: "user" },
    ],
    metrics: (keys?.metrics ?? []).map(({ key }) => ({ id: `m:${key}`, label: key })),
  };
}
