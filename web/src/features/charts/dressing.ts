/** How runs look and where they belong: colours, dashes and groups by their params, tags and metrics. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { colourOf, useDark } from "@/charts/colours";
import type { Colouring } from "@/features/experiment/colouring";
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

/** The runs as they are drawn; `colouring` is what `state.colour` means, once it is known. */
export function useDressed(
  experimentIds: string[],
  runs: ShownRun[],
  state: ChartState,
  colouring: Colouring | null,
): BuildRun[] {
  const dark = useDark();
  const ids = useMemo(() => {
    const wanted = [...state.group, state.colour, state.dash].filter((id) => parseColumn(id) !== null);
    return [...new Set(wanted)];
  }, [state.group, state.colour, state.dash]);
  const values = useValues(experimentIds, runs, ids);
  return useMemo(() => {
    const of = (runId: string, id: string) => values.get(runId)?.[ids.indexOf(id)] ?? null;
    const coloured = colouring !== null && ids.includes(colouring.id) ? colouring : null;
    const dashes = ids.includes(state.dash)
      ? [...new Set(runs.map((run) => textOf(of(run.id, state.dash))))].sort()
      : [];
    const groups = state.group.filter((id) => ids.includes(id));
    const seen = new Map<string, number>();
    // There are more runs than colours: those that share one are told apart by their dashes, and so are values.
    const dashAt = (place: number) => DASHES[place % DASHES.length] ?? [];
    const own = (colour: string) => {
      const before = seen.get(colour) ?? 0;
      seen.set(colour, before + 1);
      return dashAt(before);
    };
    return runs.map((run) => {
      const paint = coloured?.paint(of(run.id, coloured.id));
      return {
        id: run.id,
        name: run.name,
        startTime: run.startTime,
        colour: paint?.colour ?? colourOf(run.id, dark),
        dash: dashes.length
          ? dashAt(dashes.indexOf(textOf(of(run.id, state.dash))))
          : paint
            ? dashAt(paint.shape)
            : own(colourOf(run.id, dark)),
        group: groups.length
          ? groups.map((id) => `${parseColumn(id)?.key} = ${textOf(of(run.id, id))}`).join(", ")
          : null,
      };
    });
  }, [runs, values, ids, colouring, state.dash, state.group, dark]);
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
