/** What the header does: sorting, and changing which columns there are. */
import { useMemo } from "react";
import { colourChoice, withColour } from "@/features/experiment/colouring";
import { columnId } from "@/features/experiment/columns";
import type { ExperimentSearch } from "@/features/experiment/search";
import type { SetExperimentState } from "@/features/experiment/state";
import type { Asking } from "./AskFigure";
import { cellText } from "./cells";
import type { MenuRequest } from "./FloatingMenu";
import type { HeadActions, SortMark } from "./Head";
import { headMenu } from "./headMenu";
import { type Mark, markOf, setMark } from "./marks";
import { messages } from "./messages";
import type { RunStore } from "./store";
import { LEAST_WIDTH, moved, shifted, type TableColumn } from "./tableColumns";
import type { Columns } from "./useColumns";

/** The columns sorted by, as ids with `-` for descending, read for drawing. */
export function sortMarks(sort: string[] | undefined): Map<string, SortMark> {
  return new Map(
    (sort ?? []).map((id, place) => [id.replace(/^-/, ""), { descending: id.startsWith("-"), place }]),
  );
}

const MOST_FIT = 600;
const FIT_ROOM = 28;
const HEAD_ROOM = 56;
const MOST_MEASURED = 400;

/** The width that fits a column's header and the cells that were read. */
export function fitting(store: RunStore, column: TableColumn): number {
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return column.width;
  pen.font = `13.5px ${getComputedStyle(document.body).fontFamily}`;
  const extra = column.id === "a:run_name" ? 110 : FIT_ROOM;
  let width = pen.measureText(column.label).width + HEAD_ROOM;
  let left = MOST_MEASURED;
  for (const run of store.runs.values()) {
    if (left-- <= 0) break;
    width = Math.max(width, pen.measureText(cellText(run, column, Date.now())).width + extra);
  }
  return Math.min(MOST_FIT, Math.max(LEAST_WIDTH, Math.ceil(width)));
}

export function useHead({
  store,
  columns,
  state,
  set,
  openMenu,
  ask,
  toggleAll,
  onMark,
}: {
  store: RunStore;
  columns: Columns;
  state: ExperimentSearch;
  set: SetExperimentState;
  openMenu: (request: MenuRequest) => void;
  ask: (asking: Asking) => void;
  toggleAll: () => void;
  onMark: () => void;
}): HeadActions {
  return useMemo(() => {
    const sortBy = (id: string, descending: boolean, add: boolean) => {
      const entry = descending ? `-${id}` : id;
      const others = (state.sort ?? []).filter((one) => one.replace(/^-/, "") !== id);
      set({ sort: add ? [...others, entry] : [entry] });
    };
    const unsort = (id: string) => {
      const rest = (state.sort ?? []).filter((one) => one.replace(/^-/, "") !== id);
      set({ sort: rest.length ? rest : undefined });
    };
    const mark = (key: string, change: Partial<Mark>) => {
      setMark(key, change);
      onMark();
    };
    // What is sorted by follows the figure that is shown.
    const replace = (id: string, by: string) => {
      columns.replace(id, by);
      const sort = state.sort?.map((one) => (one.replace(/^-/, "") === id ? one.replace(id, () => by) : one));
      const colour = colourChoice(state) === id ? withColour(state, by) : {};
      if (sort || colour.colour)
        set({ ...(sort && { sort: [...new Set(sort)] }), ...colour }, { replace: true });
    };
    return {
      sort: (column, add) => {
        if (column.kind === "spark") return;
        const now = sortMarks(state.sort).get(column.id);
        // Figures are looked through from the good end, text from its start.
        const first = column.kind === "metric" ? markOf(column.key).direction !== "min" : column.numeric;
        if (!now) sortBy(column.id, first, add);
        else if (now.descending === first) sortBy(column.id, !first, add);
        else unsort(column.id);
      },
      move: (id, before) =>
        columns.setIds(
          moved(
            columns.shown.map((one) => one.id),
            id,
            before,
          ),
        ),
      pin: columns.togglePin,
      resize: (id, width) => columns.setWidth(id, Math.max(LEAST_WIDTH, width)),
      fit: (column) => columns.setWidth(column.id, fitting(store, column)),
      selectAll: toggleAll,
      menu: (column, anchor) =>
        openMenu({
          label: messages.columnMenu(column.label),
          anchor,
          entries: headMenu(
            column,
            {
              sorted: sortMarks(state.sort).has(column.id),
              sorts: state.sort?.length ?? 0,
              grouped: state.group?.includes(column.id) ?? false,
              coloured: colourChoice(state) === column.id,
            },
            {
              sort: (descending, add) => sortBy(column.id, descending, add),
              unsort: () => unsort(column.id),
              pin: (side) => columns.togglePin(column.id, side),
              shift: (by) =>
                columns.setIds(
                  shifted(
                    columns.shown.map((one) => one.id),
                    column.id,
                    by,
                  ),
                ),
              fit: () => columns.setWidth(column.id, fitting(store, column)),
              hide: () => columns.setIds(columns.ids.filter((one) => one !== column.id)),
              ask: (stat) => ask({ column, stat, choose: (by) => replace(column.id, by) }),
              stat: (stat) => replace(column.id, columnId({ kind: "metric", key: column.key, stat })),
              curve: () => {
                const id = `s:${column.key}`;
                const at = columns.ids.indexOf(column.id) + 1;
                const rest = columns.ids.filter((one) => one !== id);
                columns.setIds([...rest.slice(0, at), id, ...rest.slice(at)]);
              },
              colour: () => set(withColour(state, colourChoice(state) === column.id ? undefined : column.id)),
              shade: () => mark(column.key, { shade: !markOf(column.key).shade }),
              direction: (direction) => mark(column.key, { direction }),
              group: () => {
                const by = state.group ?? [];
                const next = by.includes(column.id)
                  ? by.filter((one) => one !== column.id)
                  : [...by, column.id];
                set({ group: next.length ? next : undefined });
              },
            },
          ),
        }),
    };
  }, [store, columns, state, set, openMenu, ask, toggleAll, onMark]);
}
