/** Reading and changing the state of an experiment page, and what several faces of it share beside the address. */
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { ExperimentSearch } from "./search";

const route = getRouteApi("/experiments/$ids");

export type SetExperimentState = (change: Partial<ExperimentSearch>, options?: { replace?: boolean }) => void;

/** The experiments of the page, its state, and how to change it. `replace` for what back shouldn't step through. */
export function useExperimentState(): {
  experimentIds: string[];
  state: ExperimentSearch;
  set: SetExperimentState;
} {
  const { ids } = route.useParams();
  const state = route.useSearch();
  const navigate = useNavigate();
  const experimentIds = useMemo(() => ids.split(",").filter(Boolean), [ids]);
  const set = useCallback<SetExperimentState>(
    (change, options) => {
      navigate({
        to: "/experiments/$ids",
        params: { ids },
        search: (before) => ({ ...before, ...change }),
        replace: options?.replace ?? false,
        resetScroll: false,
      });
    },
    [navigate, ids],
  );
  return { experimentIds, state, set };
}

let hovered: string | null = null;
const listeners = new Set<() => void>();

/** The run under the pointer, in the table or in any chart. Outside React: it changes with each move. */
export const hover = {
  get: () => hovered,
  set(runId: string | null): void {
    if (runId === hovered) return;
    hovered = runId;
    for (const listener of listeners) listener();
  },
  watch(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function useHovered(): string | null {
  return useSyncExternalStore(hover.watch, hover.get);
}
