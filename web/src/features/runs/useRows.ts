/** The rows of the table as one sequence: a query's runs, or groups and parents with what is open under them. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { ExperimentSearch } from "@/features/experiment/search";
import { childList, groupList, type List, listKey, rootList, WINDOW } from "./lists";
import type { GroupRecord, RunRecord } from "./records";
import type { RunStore, Wish } from "./store";
import { type Branch, locate, sizeOf } from "./tree";

const DEEPEST = 8;
const ASK_EVERY_MS = 80;

export interface Row {
  depth: number;
  /** Absent while it is being read. */
  run?: RunRecord;
  group?: GroupRecord;
}

export interface RowsInUse {
  /** Positions, those under open rows among them. */
  size: number;
  /** Runs, or groups, that match; null before the first answer. */
  total: number | null;
  /** An older question's rows are shown while the answer is on its way. */
  stale: boolean;
  error: unknown;
  at: (flat: number) => Row | null;
  /** Ask for what stands between two positions. */
  look: (first: number, last: number, wish: Wish) => void;
  version: number;
  grouped: boolean;
  root: List;
}

export function useRows(
  store: RunStore,
  experimentIds: string[],
  state: ExperimentSearch,
  open: ReadonlySet<string>,
): RowsInUse {
  const version = useSyncExternalStore(store.subscribe, store.read);
  const root = useMemo(() => rootList(experimentIds, state), [experimentIds, state]);
  const rootKey = listKey(root);
  const [shown, setShown] = useState({ list: root, key: rootKey });
  const answered = store.list(rootKey).total !== null;
  useEffect(() => {
    if (answered && shown.key !== rootKey) setShown({ list: root, key: rootKey });
  }, [answered, shown.key, rootKey, root]);
  const current = answered ? { list: root, key: rootKey } : shown;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what the store holds
  const { branch, lists } = useMemo(() => {
    const found = new Map<string, List>();
    const build = (list: List, key: string, depth: number): Branch => {
      found.set(key, list);
      const known = store.list(key);
      const below: Branch["open"] = [];
      if (open.size && depth < DEEPEST) {
        for (const [place, loaded] of known.windows) {
          loaded.ids.forEach((id, i) => {
            if (!open.has(id)) return;
            const group = store.groups.get(id);
            const child = group
              ? groupList(experimentIds, state, group.key)
              : childList(experimentIds, state, id);
            const childKey = listKey(child);
            if (childKey !== key)
              below.push({
                at: place * WINDOW[list.kind] + i,
                branch: build(child, childKey, depth + 1),
              });
          });
        }
        below.sort((one, other) => one.at - other.at);
      }
      // Before the first answer an open row shows one line that is being read.
      return { list: key, total: known.total ?? (depth ? 1 : 0), open: below };
    };
    return { branch: build(current.list, current.key, 0), lists: found };
  }, [version, open, current.key, experimentIds, state, store]);

  const at = useMemo(
    () =>
      (flat: number): Row | null => {
        const place = locate(branch, flat);
        if (!place) return null;
        const list = lists.get(place.list);
        const id = list && store.idAt(place.list, list.kind, place.index);
        if (!list || id === undefined) return { depth: place.depth };
        return list.kind === "groups"
          ? { depth: place.depth, group: store.groups.get(id) }
          : { depth: place.depth, run: store.runs.get(id) };
      },
    [branch, lists, store],
  );

  const wish = useRef<{ first: number; last: number; columns: Wish } | null>(null);
  const timer = useRef(0);
  const asked = useRef(0);
  const tree = useRef({ branch, lists, root, rootKey });
  tree.current = { branch, lists, root, rootKey };
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const look = useMemo(() => {
    const ask = () => {
      timer.current = 0;
      asked.current = performance.now();
      const want = wish.current;
      if (!want) return;
      const { branch, lists, root, rootKey } = tree.current;
      const windows = new Map<string, Set<number>>([[rootKey, new Set<number>()]]);
      for (let flat = want.first; flat <= want.last; flat++) {
        const place = locate(branch, flat);
        const list = place && lists.get(place.list);
        if (!place || !list) continue;
        const set = windows.get(place.list) ?? new Set();
        set.add(Math.floor(place.index / WINDOW[list.kind]));
        windows.set(place.list, set);
      }
      if (store.list(rootKey).total === null) windows.set(rootKey, new Set([0]));
      store.abandon((key, place) => windows.get(key)?.has(place) ?? false);
      for (const [key, places] of windows) {
        const list = key === rootKey ? root : lists.get(key);
        if (list) store.need(list, [...places], want.columns);
      }
    };
    return (first: number, last: number, columns: Wish) => {
      wish.current = { first, last, columns };
      const since = performance.now() - asked.current;
      if (since >= ASK_EVERY_MS && !timer.current) ask();
      else if (!timer.current) timer.current = window.setTimeout(ask, ASK_EVERY_MS - since);
    };
  }, [store]);

  return {
    size: sizeOf(branch),
    total: store.list(current.key).total,
    stale: current.key !== rootKey,
    error: store.list(rootKey).error,
    at,
    look,
    version,
    grouped: current.list.kind === "groups",
    root,
  };
}
