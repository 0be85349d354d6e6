/** The table of an experiment's runs. */
import { useNavigate, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ROOT } from "@/api/client";
import { useMe } from "@/app/me";
import { keep, readKept } from "@/app/preferences";
import { isTyping } from "@/app/Shell";
import { colourChoice, useColouring, withColour } from "@/features/experiment/colouring";
import { whichRuns } from "@/features/experiment/data";
import { useExperimentState } from "@/features/experiment/state";
import { ErrorNotice, Notice } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import type { Asking } from "./AskFigure";
import { Chips } from "./Chips";
import { type CellDeeds, cellMenu } from "./cellMenu";
import { pandasSnippet, rowJson } from "./cells";
import { changeTags, moveRuns, rename, toggleStar } from "./changes";
import { FloatingMenu, type MenuRequest } from "./FloatingMenu";
import { narrowed } from "./filters";
import { type CellAt, Grid, type GridActions, type GridHandle } from "./Grid";
import { groupLabels } from "./grouping";
import { listKey } from "./lists";
import { messages } from "./messages";
import { NoRuns } from "./NoRuns";
import type { QueryBoxHandle } from "./QueryBox";
import styles from "./RunTable.module.css";
import type { RunRecord } from "./records";
import { SelectionBar } from "./SelectionBar";
import { storeOf } from "./store";
import { Toolbar } from "./Toolbar";
import { tableColumn } from "./tableColumns";
import { useColumns } from "./useColumns";
import { sortMarks, useHead } from "./useHead";
import { useLiveTable } from "./useLiveTable";
import { useRanges } from "./useMarks";
import { useRows } from "./useRows";
import { useSelection } from "./useSelection";
import { useTop } from "./useTop";

const Peek = lazy(() => import("./Peek").then((m) => ({ default: m.Peek })));
const AskFigure = lazy(() => import("./AskFigure").then((m) => ({ default: m.AskFigure })));
const ColourLegend = lazy(() =>
  import("@/features/experiment/ColourLegend").then((m) => ({ default: m.ColourLegend })),
);
const NO_IDS: string[] = [];
const WRAP = "assay.wrap";

function copy(text: string): void {
  navigator.clipboard.writeText(text).then(() => toast({ text: messages.copied }), toastError);
}

export function RunTable() {
  const { experimentIds, state, set } = useExperimentState();
  const navigate = useNavigate();
  const router = useRouter();
  const store = useMemo(() => storeOf(experimentIds), [experimentIds]);
  const columns = useColumns(store, experimentIds, state, set);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useRows(store, experimentIds, state, open);
  const selection = useSelection(experimentIds, state, set, rows.grouped ? 0 : (rows.total ?? 0));
  const [menu, setMenu] = useState<MenuRequest | null>(null);
  const [renaming, setRenaming] = useState<string | null>(null);
  const [wrap, setWrap] = useState(() => readKept(WRAP, false));
  const [marks, setMarks] = useState(0);
  const [asking, setAsking] = useState<Asking | null>(null);
  const grid = useRef<GridHandle | null>(null);
  const query = useRef<QueryBoxHandle>(null);

  const topIds = useMemo(
    () => [...new Set([...(state.base ? [state.base] : []), ...(state.top ?? [])])],
    [state.base, state.top],
  );
  const colourId = colourChoice(state);
  const colour = useMemo(() => (colourId ? tableColumn(colourId) : null), [colourId]);
  const colouring = useColouring(experimentIds, colourId, state);
  const needed = useMemo(() => [...(colour ? [colour] : []), ...columns.shown], [colour, columns.shown]);
  const top = useTop(store, experimentIds, topIds, needed, rows.version);
  // Who looks is asked once the rows are there: nothing can be changed before.
  const mayWrite = useMe({ when: rows.version > 0 }).may("write");
  const base = (state.base && store.runs.get(state.base)) || null;
  const ranges = useRanges(experimentIds, state, columns.shown, rows.total !== null && rows.total > 0);
  const labels = useMemo(() => groupLabels(state.group), [state.group]);
  const hidden = useMemo(() => new Set(state.hide), [state.hide]);
  const live = useLiveTable(store, experimentIds, columns.shown, (run) =>
    navigate({ to: "/runs/$runId", params: { runId: run } }),
  );
  const refresh = useCallback(() => {
    store.refresh();
  }, [store]);
  const allShown = selection.all || (rows.total !== null && rows.total > 0 && selection.count === rows.total);
  const toggleAll = () => (selection.count > 0 ? selection.clear() : selection.selectAll());
  const head = useHead({
    store,
    columns,
    state,
    set,
    openMenu: setMenu,
    ask: setAsking,
    toggleAll,
    onMark: () => setMarks((before) => before + 1),
  });

  const openRun = (run: RunRecord) => {
    const { q, sort, view, base } = state;
    const from = q || sort || view || base ? JSON.stringify({ q, sort, view, base }) : undefined;
    navigate({ to: "/runs/$runId", params: { runId: run.id }, search: { from } });
  };
  const peek = (run: RunRecord | undefined) => set({ peek: run?.id }, { replace: true });
  const toggled = (list: string[] | undefined, id: string) => {
    const next = list?.includes(id) ? list.filter((one) => one !== id) : [...(list ?? []), id];
    return next.length ? next : undefined;
  };
  const deeds: CellDeeds = {
    narrow: (term) => set({ q: narrowed(state.q, term) }),
    copy,
    copyRow: (run) => copy(rowJson(run, columns.shown, Date.now())),
    copyPandas: () =>
      copy(pandasSnippet(ROOT.toString().replace(/\/$/, ""), whichRuns(experimentIds, state))),
    open: openRun,
    peek,
    pin: (run) => set({ top: toggled(state.top, run.id) }, { replace: true }),
    base: (run) => set({ base: state.base === run.id ? undefined : run.id }, { replace: true }),
    change: mayWrite
      ? { star: (run) => void toggleStar(store, run), rename: (run) => setRenaming(run.id) }
      : null,
    hide: (run) => set({ hide: toggled(state.hide, run.id) }, { replace: true }),
  };
  const toggleOpen = (cell: CellAt) => {
    const id = cell.groupId ?? cell.run?.id;
    if (id === undefined) return;
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  };
  const idAt = (index: number) => (index < top.length ? top[index] : rows.at(index - top.length)?.run)?.id;
  const select = (cell: CellAt, shift: boolean) => {
    if (shift) selection.extend(cell.row, idAt);
    else if (cell.run) {
      selection.toggle(cell.run.id);
      selection.anchor(cell.row);
    }
  };
  const act: GridActions["act"] = (what, cell, event) => {
    const { run } = cell;
    if (what === "open") return toggleOpen(cell);
    if (what === "select") return select(cell, event.shiftKey);
    if (what === "extend") return selection.extend(cell.row, idAt);
    if (!run) return cell.groupId === undefined ? undefined : toggleOpen(cell);
    if (what === "preload")
      return void router.preloadRoute({ to: "/runs/$runId", params: { runId: run.id } });
    if (what === "link") return openRun(run);
    if (what === "star") return deeds.change?.star(run);
    if (what === "hide") return deeds.hide(run);
    if (what === "peek") return peek(state.peek === run.id ? undefined : run);
    if (event.ctrlKey || event.metaKey || event.shiftKey) return select(cell, event.shiftKey);
    selection.anchor(cell.row);
    if (state.peek && state.peek !== run.id) peek(run);
  };
  const key: GridActions["key"] = (pressed, cell, event) => {
    const { run } = cell;
    if (pressed === "moved") {
      selection.anchor(cell.row);
      if (state.peek && run) peek(run);
      return true;
    }
    if (pressed === "Escape") {
      if (state.peek) peek(undefined);
      else selection.clear();
      return true;
    }
    if (event.ctrlKey || event.metaKey) {
      if (pressed !== "a" || rows.grouped) return false;
      selection.selectAll();
      return true;
    }
    if (pressed === "c" && selection.count > 0) {
      set({ tab: "compare" });
      return true;
    }
    if (!run) {
      if (cell.groupId !== undefined && (pressed === "Enter" || pressed === " ")) toggleOpen(cell);
      return cell.groupId !== undefined;
    }
    const byKey: Record<string, () => void> = {
      " ": () => select(cell, event.shiftKey),
      enter: () => openRun(run),
      i: () => peek(state.peek === run.id ? undefined : run),
      p: () => deeds.pin(run),
      b: () => deeds.base(run),
      ...(deeds.change && {
        s: () => deeds.change?.star(run),
        f2: () => deeds.change?.rename(run),
      }),
    };
    const deed = byKey[pressed.toLowerCase()];
    deed?.();
    return deed !== undefined;
  };
  // The rows are compared before they are drawn anew: what they get must stay the same.
  const latest = useRef({ act, key, deeds, state, renaming });
  latest.current = { act, key, deeds, state, renaming };
  const actions = useMemo<GridActions>(
    () => ({
      act: (...args) => latest.current.act(...args),
      key: (...args) => latest.current.key(...args),
      menu: (cell, anchor) => {
        const { run } = cell;
        const { state, deeds } = latest.current;
        if (!run) return;
        const marks = {
          pinned: state.top?.includes(run.id) ?? false,
          base: state.base === run.id,
          hidden: state.hide?.includes(run.id) ?? false,
        };
        setMenu({ label: run.name.slice(0, 200), anchor, entries: cellMenu(run, cell.column, marks, deeds) });
      },
      rename: (run, name) => {
        if (latest.current.renaming !== run.id) return;
        latest.current.renaming = null;
        setRenaming(null);
        grid.current?.focus();
        if (name !== null) void rename(store, run, name);
      },
    }),
    [store],
  );

  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      event.preventDefault();
      query.current?.focus();
    };
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, []);

  const error = store.filterError(listKey(rows.root));
  const deleted = state.view === "deleted";
  const empty = rows.total === 0 && !rows.stale && !rows.error;
  if (empty && !state.q && !deleted && !state.group)
    return <NoRuns experimentIds={experimentIds} onRun={live.onFirst} />;
  return (
    <div className={styles.page}>
      <Toolbar
        experimentIds={experimentIds}
        state={state}
        set={set}
        columns={columns}
        error={error}
        query={query}
        wrap={wrap}
        onWrap={() => {
          keep(WRAP, !wrap);
          setWrap(!wrap);
        }}
      />
      <div className={styles.under}>
        <span className={styles.total} role="status">
          {rows.total !== null && (rows.grouped ? messages.groups(rows.total) : messages.runs(rows.total))}
        </span>
        <Chips query={state.q} onChange={(q) => set({ q })} />
        {colouring && (
          <Suspense>
            <ColourLegend colouring={colouring} onClear={() => set(withColour(state, undefined))} />
          </Suspense>
        )}
        {selection.count > 0 && (
          <SelectionBar
            selection={selection}
            total={rows.grouped ? 0 : (rows.total ?? 0)}
            deleted={deleted}
            columns={columns.shown}
            order={whichRuns(experimentIds, state).order_by}
            onCompare={() => set({ tab: "compare" })}
            onMove={(action) =>
              moveRuns(selection.request, action, () => {
                selection.clear();
                refresh();
              })
            }
            onTags={(change) => changeTags(selection.request, change, refresh)}
          />
        )}
      </div>
      {Boolean(rows.error) && !error && <ErrorNotice error={rows.error} retry={refresh} />}
      <div className={styles.split}>
        <div className={styles.frame}>
          {live.fresh > 0 && (
            <button
              type="button"
              className={styles.pill}
              title={messages.newRunsHint}
              onClick={() => {
                grid.current?.toTop();
                live.show();
              }}
            >
              {messages.newRuns(live.fresh)}
            </button>
          )}
          <Grid
            rows={rows}
            columns={columns.shown}
            undecided={columns.undecided}
            top={top}
            base={base}
            colour={colour}
            colouring={colouring}
            mayWrite={mayWrite}
            sorts={sortMarks(state.sort)}
            ranges={ranges}
            marks={marks}
            groupLabels={labels}
            groupIds={state.group ?? NO_IDS}
            figure={state.figure}
            wrap={wrap}
            tree={rows.grouped || (state.nest ?? false)}
            renaming={renaming}
            open={open}
            opens={(run) => (state.nest ?? false) && run.children > 0}
            isSelected={selection.has}
            allSelected={allShown}
            hidden={hidden}
            head={head}
            actions={actions}
            place={listKey(rows.root)}
            onScrolled={live.onScrolled}
            gridRef={grid}
          />
          {empty && (
            <div className={styles.nothing}>
              <Notice title={deleted && !state.q ? messages.emptyBin : messages.nothingFound}>
                {state.q && <p>{messages.nothingFoundHint}</p>}
              </Notice>
            </div>
          )}
        </div>
        {state.peek && (
          <Suspense>
            <Peek
              key={state.peek}
              runId={state.peek}
              base={base}
              onOpen={openRun}
              onClose={() => {
                peek(undefined);
                grid.current?.focus();
              }}
              onStep={(by) => {
                const run = grid.current?.move(by);
                if (run) peek(run);
              }}
              store={store}
            />
          </Suspense>
        )}
      </div>
      {asking && (
        <Suspense>
          <AskFigure
            asking={asking}
            onClose={() => {
              setAsking(null);
              grid.current?.focus();
            }}
          />
        </Suspense>
      )}
      {menu && (
        <FloatingMenu
          request={menu}
          onClose={() => {
            setMenu(null);
            if (!latest.current.renaming) grid.current?.focus();
          }}
        />
      )}
    </div>
  );
}
