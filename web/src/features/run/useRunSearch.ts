/** The run page's address: which part is open, which file and line, and the list that the run came from. */
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import type { RunSearch } from "@/app/router";

const route = getRouteApi("/runs/$runId");

export const TABS = [
  "overview",
  "metrics",
  "system",
  "files",
  "log",
  "code",
  "environment",
  "inputs",
  "children",
  "reproduction",
] as const;
export type Tab = (typeof TABS)[number];

export function useRunSearch() {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const set = useCallback(
    (change: Partial<RunSearch>, options?: { replace?: boolean }) => {
      navigate({
        to: "/runs/$runId",
        params: { runId },
        search: (before) => ({ ...before, ...change }),
        replace: options?.replace ?? false,
        resetScroll: false,
      });
    },
    [navigate, runId],
  );
  const tab: Tab = TABS.find((one) => one === search.tab) ?? "overview";
  return { runId, search, tab, set };
}

/** The part of the address that the next run keeps: the same tab, the same list. */
export const kept = (search: RunSearch) => ({ tab: search.tab, from: search.from });
