/** The columns in use: from the address, else as this reader left them, else chosen from the data. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { keep, readKept } from "@/app/preferences";
import { type Keys, keysQuery } from "@/features/experiment/data";
import type { ExperimentSearch } from "@/features/experiment/search";
import type { SetExperimentState } from "@/features/experiment/state";
import type { RunStore } from "./store";
import { arrange, behindFacts, defaultColumns, NAME, type Side, type TableColumn } from "./tableColumns";

interface Kept {
  cols?: string[];
  pin?: string[];
  right?: string[];
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
  /** Put another column in the place of one, pinned and as wide as that. */
  replace: (id: string, by: string) => void;
  setWidth: (id: string, width: number) => void;
  /** Keep a column at an edge; let it scroll where it is kept there. */
  togglePin: (id: string, side: Side) => void;
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
  const pins = useMemo(
    () => ({ left: state.pin ?? kept.pin ?? [NAME], right: state.right ?? kept.right ?? [] }),
    [state.pin, state.right, kept],
  );
  const widths = useMemo(() => state.w ?? kept.w ?? {}, [state.w, kept]);
  const wide = Boolean(state.base || state.group);
  const shown = useMemo(() => arrange(ids, pins, widths, wide), [ids, pins, widths, wide]);

  const change = useCallback(
    (part: Kept) => {
      const all: Kept = { cols: ids, pin: pins.left, right: pins.right, w: widths, ...part };
      keep(storage, all);
      const right = all.right?.length ? all.right : undefined;
      set({ cols: all.cols, pin: all.pin, right, w: all.w }, { replace: true });
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
    replace: (id, by) => {
      const other = (list: string[]) => [...new Set(list.map((one) => (one === id ? by : one)))];
      const { [id]: width, ...rest } = widths;
      change({
        cols: other(ids),
        pin: other(pins.left),
        right: other(pins.right),
        w: width === undefined || by in rest ? rest : { ...rest, [by]: width },
      });
    },
    setWidth: (id, width) => change({ w: { ...widths, [id]: Math.round(width) } }),
    togglePin: (id, side) => {
      const without = (list: string[]) => list.filter((one) => one !== id);
      const next = { left: without(pins.left), right: without(pins.right) };
      if (!pins[side].includes(id)) next[side].push(id);
      change({ pin: next.left, right: next.right });
    },
    reset: () => {
      keep(storage, {});
      kept.cols = undefined;
      kept.pin = undefined;
      kept.right = undefined;
      kept.w = undefined;
      set({ cols: undefined, pin: undefined, right: undefined, w: undefined }, { replace: true });
    },
  };
}
