/** Tables of runs joined by the server, read in windows: what is in view, in the order and choice that is asked for. */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { type AnswerOf, post } from "@/api/client";

export const PAGE_ROWS = 200;
const SLOW_MS = 30_000;

export type JoinedPage = AnswerOf<"/api/assay/v1/files/joined", "post">;
export type JoinedRow = JoinedPage["rows"][number];

export interface Order {
  /** Which column of which run; the key where left out. */
  column?: string;
  table: number;
  descending: boolean;
}

export interface Wanted {
  runIds: readonly string[];
  path: string | undefined;
  /** Empty: the server looks for a column that is called like a key; null: by the row's number. */
  key: string | null;
  onlyDifferent: boolean;
  search: string;
  order: Order | null;
}

const pageQuery = (wanted: Wanted, page: number) => ({
  queryKey: ["compare", "joined", wanted, page],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    post(
      "/api/assay/v1/files/joined",
      {
        tables: wanted.runIds.map((run_id) => ({ run_id, path: wanted.path ?? "" })),
        key: wanted.key,
        only_different: wanted.onlyDifferent,
        search: wanted.search,
        sort: wanted.order && { ...wanted.order, column: wanted.order.column ?? null },
        offset: page * PAGE_ROWS,
        limit: PAGE_ROWS,
      },
      signal,
    ),
  staleTime: SLOW_MS,
  retry: false,
});

/** The joined rows between two places, as far as they were read. */
export function useJoined(wanted: Wanted, first: number, end: number) {
  const head = useQuery({
    ...pageQuery(wanted, 0),
    enabled: Boolean(wanted.path && wanted.runIds.length),
    placeholderData: keepPreviousData,
  });
  const found = head.data?.found ?? 0;
  const from = Math.floor(first / PAGE_ROWS);
  const to = Math.max(from, Math.floor(Math.max(0, Math.min(end, found) - 1) / PAGE_ROWS));
  const pages = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const windows = useQueries({
    queries: pages.map((page) => ({
      ...pageQuery(wanted, page),
      enabled: page > 0 && head.isSuccess && !head.isPlaceholderData,
    })),
  });
  const rowAt = (row: number): JoinedRow | undefined => {
    const page = Math.floor(row / PAGE_ROWS);
    const data = page === 0 ? head.data : windows[page - from]?.data;
    return data?.rows[row - page * PAGE_ROWS];
  };
  return { head, found, rowAt };
}
