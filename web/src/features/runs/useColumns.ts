/** The columns in use: from the address, else as this reader left them, else chosen from the data. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { keep, readKept } from "@/app/preferences";
import { type Keys, keysQuery } from "@/features/experiment/data";
import type { ExperimentSearch } from "@/features/experiment/search";
import type { SetExperimentState } from "@/features/experiment/state";
import type { RunStore } from "./store";
import { arrange, behindFacts, defaultColumns, NAME, type TableColumn } from "./tableColumns";

interface Kept {
  cols?: string[];
  pin?: string[];
  w?: Record<string, number>;
}

export interface Columns {
  shown: TableColumn[];
  ids: string[];
  keys: Keys | undefined;
  /** Whether somebody changed what the data suggest. */
  chosen: boolean;
  /** Nobody chose and nothing is suggested yet: the first rows are asked for with what is worth seeing. */
  undecided: boolean;
  setIds: (ids: string[]) => void;
  setWidth: (id: string, width: number) => void;
  togglePin: (id: string) => void;
  reset: () => void;
}

function isKept(value: unknown): value is Kept {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function useColumns(
  store: RunStore,
  experimentIds: string[],
  state: ExperimentSearch,
  set: SetExperimentState,
): Columns {
  const storage = `assay.columns.${experimentIds.join(",")}`;
  const view = state.view === "deleted" ? "DELETED_ONLY" : "ACTIVE_ONLY";
  const version = useSyncExternalStore(store.subscribe, store.read);
  // Counting the keys of ten thousand runs takes the server as long as all else: it does so when the rows are there.
  const keys = useQuery({ ...keysQuery(experimentIds, "", view), enabled: version > 0 }).data;
  const kept = useMemo(() => {
    const found = readKept<unknown>(storage, {});
    return isKept(found) ? found : {};
  }, [storage]);

  // What the data suggest stays as it was first seen: columns must not jump while runs come in. Until the first rows
  // are there, those of the last visit stand in their place.
  const storedAs = `assay.suggested.${experimentIds.join(",")}`;
  const remembered = useMemo(() => {
    const found = readKept<unknown>(storedAs, null);
    return Array.isArray(found) && found.length ? found.map(String) : null;
  }, [storedAs]);
  const { suggested } = store;
  useEffect(() => {
    if (suggested) keep(storedAs, behindFacts(suggested));
  }, [suggested, storedAs]);
  // The rows say it, but groups of them don't: there it is seen from the keys.
  const suggestion = suggested
    ? behindFacts(suggested)
    : ((keys ? null : remembered) ?? defaultColumns(keys));
  const suggestionKey = suggestion.join("\n");

  const chosen = state.cols ?? kept.cols;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the list
  const ids = useMemo(() => chosen ?? suggestion, [chosen, suggestionKey]);
  const pins = useMemo(() => state.pin ?? kept.pin ?? [NAME], [state.pin, kept]);
  const widths = useMemo(() => state.w ?? kept.w ?? {}, [state.w, kept]);
  const wide = Boolean(state.base || state.group);
  const shown = useMemo(() => arrange(ids, pins, widths, wide), [ids, pins, widths, wide]);

  const change = useCallback(
    (part: Kept) => {
      const all: Kept = { cols: ids, pin: pins, w: widths, ...part };
      keep(storage, all);
      set({ cols: all.cols, pin: all.pin, w: all.w }, { replace: true });
    },
    [ids, pins, widths, storage, set],
  );
  return {
    shown,
    ids,
    keys,
    chosen: chosen !== undefined,
    undecided: chosen === undefined && suggested === null && !state.group,
    setIds: (next) => change({ cols: next }),
    setWidth: (id, width) => change({ w: { ...widths, [id]: Math.round(width) } }),
    togglePin: (id) => change({ pin: pins.includes(id) ? pins.filter((one) => one !== id) : [...pins, id] }),
    reset: () => {
      keep(storage, {});
      kept.cols = undefined;
      kept.pin = undefined;
      kept.w = undefined;
      set({ cols: undefined, pin: undefined, w: undefined }, { replace: true });
    },
  };
}
