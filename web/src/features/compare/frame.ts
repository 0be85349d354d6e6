/** The runs that are compared and their columns, as many as charts can draw. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { post, toNumber } from "@/api/client";
import { type Column, columnId, parseColumn } from "@/features/experiment/columns";
import { keysQuery, type RowsRequest, useShownRuns, whichRuns } from "@/features/experiment/data";
import type { ExperimentSearch } from "@/features/experiment/search";
import { messages } from "./messages";
import { type Cell, numberOf } from "./values";

/** Runs of tables and files; charts draw more. */
export const MAX_COMPARED = 500;
export const MAX_DRAWN = 10_000;
const WINDOW = 1_000;
const AT_ONCE = 3;

export interface ComparedRun {
  id: string;
  name: string;
  status: string;
  parent: string | null;
  isBaseline: boolean;
}

/** The runs that are compared, the baseline first: the one chosen, else the first. */
export function useCompared(experimentIds: string[], state: ExperimentSearch) {
  const { runs, total, query } = useShownRuns(experimentIds, state, MAX_COMPARED);
  const compared = useMemo(() => {
    const rows = query.data?.runs;
    const parents = new Map(rows?.run_id.map((id, i) => [id, rows.parent[i] ?? null]));
    const all = runs.map((run, i): ComparedRun => {
      const isBaseline = runs.some((one) => one.isBaseline) ? run.isBaseline : i === 0;
      return {
        id: run.id,
        name: run.name,
        status: run.status,
        parent: parents.get(run.id) ?? null,
        isBaseline,
      };
    });
    return [...all.filter((run) => run.isBaseline), ...all.filter((run) => !run.isBaseline)];
  }, [runs, query.data]);
  return { runs: compared, total, query };
}

/** A filter that matches just these runs. */
export function onlyRuns(ids: readonly string[]): string {
  return `attributes.run_id IN (${ids.map((id) => `'${id.replaceAll("'", "''")}'`).join(", ")})`;
}

/** Which keys the runs that charts draw have, and which of them vary. */
export function useColumns(experimentIds: string[], state: ExperimentSearch) {
  const ids = state.runs?.length ? [...new Set([...(state.base ? [state.base] : []), ...state.runs])] : null;
  const which = whichRuns(experimentIds, state);
  return useQuery(
    ids ? keysQuery(experimentIds, onlyRuns(ids), "ALL") : keysQuery(experimentIds, which.filter, which.view),
  );
}

export interface Frame {
  ids: string[];
  names: string[];
  /** Runs that match, drawn or not. */
  total: number;
  /** Cells by column id; numbers where the whole column is one of numbers. */
  cells: Map<string, Cell[]>;
}

/** Cells as charts take them: a param whose values are all numbers becomes one; infinities stay numbers. */
export function typedCells(column: Column, cells: readonly Cell[]): Cell[] {
  if (column.kind === "metric") return cells.map((cell) => toNumber(cell));
  const numbers = cells.map((cell) => (cell === null ? null : numberOf(cell)));
  const allNumbers = cells.every((cell, i) => cell === null || numbers[i] !== null);
  return allNumbers ? numbers : cells.map((cell) => (cell === null ? null : String(cell)));
}

interface Windows {
  ids: string[];
  names: string[];
  total: number;
  asked: Column[];
  columns: Cell[][];
}

async function readWindows(
  request: RowsRequest & { columns: Column[] },
  signal: AbortSignal,
): Promise<Windows> {
  const first = await post("/api/assay/v1/runs/rows", request, signal);
  const wanted = request.run_ids ? 0 : Math.min(first.total, MAX_DRAWN);
  const offsets: number[] = [];
  for (let offset = WINDOW; offset < wanted; offset += WINDOW) offsets.push(offset);
  const rest: (typeof first)[] = [];
  for (let i = 0; i < offsets.length; i += AT_ONCE) {
    const some = offsets.slice(i, i + AT_ONCE);
    rest.push(
      ...(await Promise.all(
        some.map((offset) => post("/api/assay/v1/runs/rows", { ...request, offset }, signal)),
      )),
    );
  }
  const all = [first, ...rest];
  return {
    ids: all.flatMap((one) => one.runs.run_id as string[]),
    names: all.flatMap((one) => one.runs.run_name),
    total: first.total,
    asked: request.columns,
    columns: request.columns.map((_, c) => all.flatMap((one) => (one.columns[c] ?? []) as Cell[])),
  };
}

/** Columns of all runs that charts draw; hidden runs are left out. */
export function useFrame(
  experimentIds: string[],
  state: ExperimentSearch,
  ids: readonly (string | undefined)[],
) {
  const columns = [...new Set(ids)].flatMap((id) => (id ? (parseColumn(id) ?? []) : []));
  const chosen = [...new Set([...(state.base ? [state.base] : []), ...(state.runs ?? [])])].slice(0, WINDOW);
  const request: RowsRequest & { columns: Column[] } = state.runs?.length
    ? { experiment_ids: experimentIds, run_ids: chosen, columns, limit: chosen.length }
    : { ...whichRuns(experimentIds, state), columns, limit: WINDOW };
  const query = useQuery({
    queryKey: ["compare", "frame", request],
    queryFn: ({ signal }) => readWindows(request, signal),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  const hide = state.hide;
  const frame = useMemo((): Frame | undefined => {
    const found = query.data;
    if (!found) return undefined;
    const hidden = new Set(hide);
    const rows = found.ids.flatMap((id, i) => (hidden.has(id) ? [] : [i]));
    return {
      ids: rows.map((i) => found.ids[i] as string),
      names: rows.map((i) => found.names[i] || (found.ids[i] as string)),
      total: found.total,
      cells: new Map(
        found.asked.map((column, c) => [
          columnId(column),
          typedCells(
            column,
            rows.map((i) => found.columns[c]?.[i] ?? null),
          ),
        ]),
      ),
    };
  }, [query.data, hide]);
  return { frame, query };
}

/** How a column is called in charts. */
export function columnName(id: string | undefined): string {
  const column = id ? parseColumn(id) : null;
  if (!column) return "";
  if (column.kind === "attribute") return messages.attributeNames[column.key] ?? column.key;
  const name = column.stat && (messages.stats[column.stat] ?? column.stat);
  const stat = name && column.stat !== "last" ? ` (${[name, column.of ?? []].flat().join(" ")})` : "";
  return `${column.key}${stat}`;
}
