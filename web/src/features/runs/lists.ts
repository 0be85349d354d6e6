/** Lists of rows: runs of a query, children of a run, runs of a group, groups. A list is known by its key. */
import type { BodyOf } from "@/api/client";
import { type Column, parseColumn } from "@/features/experiment/columns";
import { type RowsRequest, whichRuns } from "@/features/experiment/data";
import type { ExperimentSearch } from "@/features/experiment/search";
import { endOf } from "./marks";

export type GroupsRequest = BodyOf<"/api/assay/v1/runs/groups">;

export type List =
  | { kind: "runs"; request: RowsRequest }
  | { kind: "groups"; request: Omit<GroupsRequest, "columns" | "order_by">; order: GroupOrder | null };

/** Groups in the order of what they show of a metric; without it the largest come first. */
export interface GroupOrder {
  id: string;
  column: Column;
  descending: boolean;
  figure: "mean" | "min" | "max";
}

export const WINDOW = { runs: 200, groups: 100 } as const;

/** Columns to group by; what can't be grouped by is left out. */
export function groupColumns(ids: string[] | undefined): Column[] {
  return (ids ?? []).slice(0, 4).flatMap((id) => {
    if (id === "d:name" || id === "d:digest")
      return [{ kind: "dataset", key: id.slice(2), stat: "last" } as Column];
    const column = parseColumn(id);
    return column && column.kind !== "metric" ? [column] : [];
  });
}

/** The list that an experiment's state shows. */
export function rootList(experimentIds: string[], state: ExperimentSearch): List {
  const which = whichRuns(experimentIds, state);
  const by = groupColumns(state.group);
  if (by.length) {
    const { experiment_ids, filter, view } = which;
    const id = state.sort?.[0]?.replace(/^-/, "") ?? "";
    const column = parseColumn(id);
    const order =
      column?.kind === "metric"
        ? {
            id,
            column,
            descending: state.sort?.[0]?.startsWith("-") ?? false,
            figure: state.figure ? endOf(state.figure, column.key) : ("mean" as const),
          }
        : null;
    return { kind: "groups", request: { experiment_ids, filter, view, by }, order };
  }
  return { kind: "runs", request: state.nest ? { ...which, roots: true } : which };
}

/** The rows under a run. The filter is left out: it chose the parent. */
export function childList(experimentIds: string[], state: ExperimentSearch, parent: string): List {
  const { order_by, view, experiment_ids } = whichRuns(experimentIds, state);
  return { kind: "runs", request: { experiment_ids, order_by, view, parent } };
}

/** The runs of a group. */
export function groupList(experimentIds: string[], state: ExperimentSearch, key: (string | null)[]): List {
  return {
    kind: "runs",
    request: { ...whichRuns(experimentIds, state), group: { by: groupColumns(state.group), key } },
  };
}

export function listKey(list: List): string {
  return JSON.stringify([list.kind, list.request, list.kind === "groups" ? list.order : null]);
}
