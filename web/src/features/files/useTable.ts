/** A table in a file, read from the server in windows: what is in view, sorted and filtered there. */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { post } from "@/api/client";
import { type Place, placeKey, type TablePage } from "./place";

export const PAGE_ROWS = 200;
const SLOW_MS = 30_000;

export interface Sorting {
  column: string;
  descending: boolean;
}
export interface Filtering {
  column: string;
  contains: string;
  min: number | null;
  max: number | null;
}

const pageQuery = (
  place: Place,
  path: string,
  page: number,
  sort: Sorting | null,
  filter: Filtering | null,
) => ({
  queryKey: ["files", "table", placeKey(place), path, sort, filter, page],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    post(
      "/api/assay/v1/files/table",
      { ...place, path, offset: page * PAGE_ROWS, limit: PAGE_ROWS, sort, filter },
      signal,
    ),
  staleTime: SLOW_MS,
  retry: false,
});

/** The next sort when a column's head is pressed: up, down, none. */
export function nextSort(sort: Sorting | null, column: string): Sorting | null {
  if (sort?.column !== column) return { column, descending: false };
  return sort.descending ? null : { column, descending: true };
}

export function useTable(
  place: Place,
  path: string,
  view: { sort: Sorting | null; filter: Filtering | null; first: number; end: number },
) {
  const { sort, filter } = view;
  const head = useQuery({ ...pageQuery(place, path, 0, sort, filter), placeholderData: keepPreviousData });
  const total = head.data?.total ?? head.data?.rows.length ?? 0;
  const from = Math.floor(view.first / PAGE_ROWS);
  const to = Math.max(from, Math.floor(Math.max(0, Math.min(view.end, total) - 1) / PAGE_ROWS));
  const pages = useMemo(() => Array.from({ length: to - from + 1 }, (_, i) => from + i), [from, to]);
  const windows = useQueries({
    queries: pages.map((page) => ({
      ...pageQuery(place, path, page, sort, filter),
      enabled: page > 0 && head.isSuccess,
    })),
  });
  const rowAt = (row: number): TablePage["rows"][number] | undefined => {
    const page = Math.floor(row / PAGE_ROWS);
    const data = page === 0 ? head.data : windows[page - from]?.data;
    return data?.rows[row - page * PAGE_ROWS];
  };
  return { head, total, rowAt };
}
