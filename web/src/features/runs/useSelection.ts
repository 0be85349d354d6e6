/** Which runs are selected: some by id, as the address has them, or all that match but some. */
import { useCallback, useMemo, useRef, useState } from "react";
import { post } from "@/api/client";
import { type RowsRequest, whichRuns } from "@/features/experiment/data";
import type { ExperimentSearch } from "@/features/experiment/search";
import type { SetExperimentState } from "@/features/experiment/state";
import { toast } from "@/ui/Toasts";
import { messages } from "./messages";

/** As many ids as an address carries. */
export const MOST_NAMED = 1_000;

export interface Selection {
  ids: string[];
  /** All that match are selected, apart from `except`. */
  all: boolean;
  except: string[];
  has: (id: string) => boolean;
  count: number;
  toggle: (id: string) => void;
  set: (ids: string[]) => void;
  /** From the row chosen last to this one. */
  extend: (index: number, idAt: (index: number) => string | undefined) => void;
  anchor: (index: number) => void;
  selectAll: () => void;
  clear: () => void;
  /** What the server's changes of many runs take. */
  request: Pick<RowsRequest, "experiment_ids" | "filter" | "view"> & {
    run_ids?: string[];
    except_run_ids?: string[];
  };
}

export function useSelection(
  experimentIds: string[],
  state: ExperimentSearch,
  set: SetExperimentState,
  total: number,
): Selection {
  const { filter, view } = whichRuns(experimentIds, state);
  const question = JSON.stringify([experimentIds, filter, view]);
  const [everything, setEverything] = useState<{ question: string; except: string[] } | null>(null);
  const all = everything?.question === question;
  const except = useMemo(() => (all ? (everything?.except ?? []) : []), [all, everything]);
  const ids = useMemo(() => state.runs ?? [], [state.runs]);
  const anchorRow = useRef(0);
  const named = useMemo(() => new Set(all ? except : ids), [all, except, ids]);
  const has = useCallback((id: string) => named.has(id) !== all, [named, all]);

  const setIds = (next: string[]) => {
    if (next.length > MOST_NAMED) toast({ text: messages.tooMany(MOST_NAMED) });
    setEverything(null);
    set({ runs: next.length ? next.slice(0, MOST_NAMED) : undefined }, { replace: true });
  };
  const exclude = (next: string[]) => setEverything({ question, except: next });
  return {
    ids,
    all,
    except,
    has,
    count: all ? Math.max(0, total - except.length) : ids.length,
    toggle: (id) => {
      const list = all ? except : ids;
      const next = named.has(id) ? list.filter((one) => one !== id) : [...list, id];
      if (all) exclude(next);
      else setIds(next);
    },
    set: setIds,
    extend: (index, idAt) => {
      const [from, to] = [Math.min(anchorRow.current, index), Math.max(anchorRow.current, index)];
      const range: string[] = [];
      for (let row = from; row <= to && range.length <= MOST_NAMED; row++) {
        const id = idAt(row);
        if (id !== undefined) range.push(id);
      }
      if (all) exclude(except.filter((id) => !range.includes(id)));
      else setIds([...new Set([...ids, ...range])]);
    },
    anchor: (index) => {
      anchorRow.current = index;
    },
    selectAll: () => {
      set({ runs: undefined }, { replace: true });
      setEverything({ question, except: [] });
    },
    clear: () => {
      setEverything(null);
      if (ids.length) set({ runs: undefined }, { replace: true });
    },
    request: all
      ? { experiment_ids: experimentIds, filter, view, except_run_ids: except }
      : { experiment_ids: experimentIds, run_ids: ids },
  };
}

/** The ids of a selection, as many as can be named: for pages that take ids. */
export async function idsOf(selection: Selection, most = MOST_NAMED): Promise<string[]> {
  if (!selection.all) return selection.ids.slice(0, most);
  const { experiment_ids, filter, view } = selection.request;
  const answer = await post("/api/assay/v1/runs/rows", {
    experiment_ids,
    filter,
    view,
    columns: [],
    limit: most,
  });
  const except = new Set(selection.except);
  return answer.runs.run_id.filter((id) => !except.has(id));
}
