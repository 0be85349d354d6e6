/** What the faces of an experiment page ask the server: rows in windows, keys, and the runs that are shown. */
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type AnswerOf, type BodyOf, post } from "@/api/client";
import { columnTerm, parseColumn, quoted } from "./columns";
import type { ExperimentSearch } from "./search";

export type RowsRequest = BodyOf<"/api/assay/v1/runs/rows">;
export type Rows = AnswerOf<"/api/assay/v1/runs/rows", "post">;
export type Keys = AnswerOf<"/api/assay/v1/runs/keys", "post">;

/** What makes a typed text an expression. */
export const OPERATORS = /[=<>]|\b(?:i?like|in|is|not)\b/i;
/** Runs drawn when nothing is selected: more would be a thicket. */
export const SHOWN_WITHOUT_SELECTION = 20;

/** The filter that a typed text means: an expression as it is, plain words as parts of the run's name. */
export function filterOf(typed: string | undefined): string {
  const text = (typed ?? "").trim();
  if (!text || OPERATORS.test(text)) return text;
  return text
    .split(/\s+/)
    .map((word) => `attributes.run_name ILIKE ${quoted(`%${word.replace(/[!%_]/g, "!$&")}%`)} ESCAPE '!'`)
    .join(" and ");
}

/** The order that sort ids mean; ids that are no column are left out. */
export function orderOf(sort: string[] | undefined): string[] {
  return (sort ?? []).flatMap((id) => {
    const column = parseColumn(id.replace(/^-/, ""));
    return column ? [`${columnTerm(column)} ${id.startsWith("-") ? "DESC" : "ASC"}`] : [];
  });
}

/** The part of a request for rows that says which runs, in which order. */
export function whichRuns(experimentIds: string[], state: ExperimentSearch) {
  return {
    experiment_ids: experimentIds,
    filter: filterOf(state.q),
    order_by: orderOf(state.sort),
    view: state.view === "deleted" ? ("DELETED_ONLY" as const) : ("ACTIVE_ONLY" as const),
  };
}

export const rowsQuery = (request: RowsRequest) =>
  queryOptions({
    queryKey: ["rows", request] as const,
    queryFn: ({ signal }) => post("/api/assay/v1/runs/rows", request, signal),
    placeholderData: keepPreviousData,
  });

export const keysQuery = (experimentIds: string[], filter = "", view: RowsRequest["view"] = "ACTIVE_ONLY") =>
  queryOptions({
    queryKey: ["keys", experimentIds, filter, view] as const,
    queryFn: ({ signal }) =>
      post("/api/assay/v1/runs/keys", { experiment_ids: experimentIds, filter, view }, signal),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });

export interface ShownRun {
  id: string;
  name: string;
  status: string;
  startTime: number | null;
  isBaseline: boolean;
}

/** The runs that charts and comparison show: the selected ones, else the first of the query; hidden ones not. */
export function useShownRuns(
  experimentIds: string[],
  state: ExperimentSearch,
  limit = SHOWN_WITHOUT_SELECTION,
) {
  const chosen = useMemo(() => {
    const all = [...(state.base ? [state.base] : []), ...(state.top ?? []), ...(state.runs ?? [])];
    return [...new Set(all)];
  }, [state.base, state.top, state.runs]);
  const request: RowsRequest = state.runs?.length
    ? { experiment_ids: experimentIds, run_ids: chosen, columns: [], limit: chosen.length }
    : { ...whichRuns(experimentIds, state), columns: [], limit };
  const query = useQuery(rowsQuery(request));
  const runs = useMemo(() => {
    const found = query.data?.runs;
    const hidden = new Set(state.hide);
    return (found?.run_id ?? []).flatMap((id, i): ShownRun[] =>
      hidden.has(id)
        ? []
        : [
            {
              id,
              name: found?.run_name[i] ?? id,
              status: found?.status[i] ?? "",
              startTime: found?.start_time[i] ?? null,
              isBaseline: id === state.base,
            },
          ],
    );
  }, [query.data, state.hide, state.base]);
  return { runs, total: query.data?.total ?? 0, query };
}
