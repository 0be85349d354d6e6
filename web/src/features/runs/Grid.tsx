/**
 * The table's body: draws the rows and columns in view, and hears its keys and clicks in one place. The grid has the
 * focus and names its active cell, because the element of a cell comes and goes with scrolling.
 */
import {
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { usePreferences } from "@/app/preferences";
import { useDark } from "@/charts/colours";
import type { Colouring } from "@/features/experiment/colouring";
import type { GroupFigure } from "@/features/experiment/search";
import { hover } from "@/features/experiment/state";
import { exactText, figuresText } from "./cells";
import { keyOf } from "./gridKeys";
import { Head, type HeadActions, type SortMark } from "./Head";
import { headKey } from "./headKeys";
import type { Range } from "./marks";
import { messages } from "./messages";
import { Row, type RowLook } from "./Row";
import styles from "./RunTable.module.css";
import type { RunRecord } from "./records";
import { columnsToRead, Rail, sliceOf } from "./slice";
import { useSparks } from "./sparks";
import { SELECT_WIDTH, type TableColumn } from "./tableColumns";
import { useClock } from "./useClock";
import type { Row as RowOf, RowsInUse } from "./useRows";
import { useRoom, useView } from "./useView";
import { STAR_COLUMN, wantedOf } from "./wanted";

export interface CellAt {
  run: RunRecord | undefined;
  groupId: string | undefined;
  column: TableColumn | undefined;
  row: number;
}

export interface GridActions {
  act: (what: string, cell: CellAt, event: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }) => void;
  menu: (cell: CellAt, anchor: DOMRect) => void;
  rename: (run: RunRecord, name: string | null) => void;
  key: (key: string, cell: CellAt, event: KeyboardEvent) => boolean;
}

const ROW_HEIGHTS = { compact: 26, normal: 32, roomy: 42 };
const WRAPPED_HEIGHT = 64;
const HEAD_HEIGHT = 34;
/** Pinned columns beyond this share of the width would leave no room for the rest. */
const MOST_PINNED = 0.6;

export interface GridProps {
  rows: RowsInUse;
  columns: TableColumn[];
  /** Nobody knows yet which columns: the server chooses some with the first rows. */
  undecided: boolean;
  top: RunRecord[];
  base: RunRecord | null;
  /** What gives runs their colours: the column, and once it is known what they mean. */
  colour: TableColumn | null;
  colouring: Colouring | null;
  /** Whether runs may be changed. */
  mayWrite: boolean;
  sorts: Map<string, SortMark>;
  ranges: Record<string, Range>;
  marks: number;
  groupLabels: string[];
  groupIds: string[];
  /** What groups show of a metric. */
  figure: GroupFigure | undefined;
  wrap: boolean;
  /** Whether rows stand under rows. */
  tree: boolean;
  renaming: string | null;
  open: ReadonlySet<string>;
  opens: (run: RunRecord) => boolean;
  isSelected: (id: string) => boolean;
  allSelected: boolean;
  hidden: ReadonlySet<string>;
  head: HeadActions;
  actions: GridActions;
  /** The store's key of what is shown, and where it was scrolled to: to come back to the same place. */
  place: string;
  onScrolled: (scrolled: boolean) => void;
  gridRef: { current: GridHandle | null };
}

export interface GridHandle {
  focus: () => void;
  toTop: () => void;
  move: (by: number) => RunRecord | undefined;
}

const places = new Map<string, { top: number; left: number }>();

export function Grid(props: GridProps) {
  const { rows, top, actions } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const domId = useId();
  const dark = useDark();
  const { density, zone } = usePreferences();
  const rowHeight = props.wrap ? WRAPPED_HEIGHT : ROW_HEIGHTS[density];
  const room = useRoom(scroller);
  const columns = useMemo(() => {
    const pinned = props.columns.reduce((sum, one) => sum + (one.pinned ? one.width : 0), SELECT_WIDTH);
    if (pinned <= room.width * MOST_PINNED) return props.columns;
    return props.columns.map((one) => ({ ...one, pinned: false as const }));
  }, [props.columns, room.width]);

  const above = HEAD_HEIGHT + top.length * rowHeight;
  const rail = useMemo(
    () => new Rail(rows.size, rowHeight, room.height - HEAD_HEIGHT),
    [rows.size, rowHeight, room.height],
  );
  const { view, end, turn, update } = useView(scroller, rail, columns, room.width);
  const [active, setActive] = useState({ row: 0, col: 0 });
  const [pointed, setPointed] = useState(-1);
  const activeRow = Math.min(active.row, top.length + rows.size - 1);

  // Back from another page, or from another question: the place is where it was.
  const { place } = props;
  const ready = rows.size > 0;
  const placed = useRef("");
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || !ready || placed.current === place) return;
    const first = placed.current === "";
    placed.current = place;
    const known = first ? places.get(place) : undefined;
    box.scrollTop = known?.top ?? 0;
    if (known) box.scrollLeft = known.left;
  }, [place, ready]);

  const { onScrolled } = props;
  const onScroll = () => {
    const box = scroller.current;
    if (!box) return;
    // Cells that stick are layers of their own, which cost half of each frame: they do only while they have to.
    box.toggleAttribute("data-aside", box.scrollLeft !== 0);
    update();
    onScrolled(box.scrollTop > rowHeight);
    if (placed.current) places.set(placed.current, { top: box.scrollTop, left: box.scrollLeft });
  };

  const slice = useMemo(
    () => sliceOf(columns, view.firstCol, view.lastCol),
    [columns, view.firstCol, view.lastCol],
  );
  const wish = useMemo(
    () => ({
      wanted: [
        ...(props.undecided ? [] : columnsToRead(columns, view.firstCol, view.lastCol).flatMap(wantedOf)),
        ...wantedOf(STAR_COLUMN),
        ...(props.colour ? wantedOf(props.colour) : []),
      ],
      choose: props.undecided,
    }),
    [columns, view.firstCol, view.lastCol, props.undecided, props.colour],
  );
  const { look } = rows;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer may show that more is missing
  useEffect(
    () => look(view.first, Math.max(view.last, 0), wish),
    [look, view.first, view.last, wish, rows.version, rows.root],
  );

  const rowAt = (index: number): RowOf | null => {
    const pinned = top[index];
    return pinned ? { depth: 0, run: pinned } : rows.at(index - top.length);
  };
  const drawn: { index: number; row: RowOf }[] = [];
  for (const flat of rail.inOrder(view.first, end, turn)) {
    const row = rows.at(flat);
    if (row) drawn.push({ index: flat + top.length, row });
  }
  const shownRuns = [...top, ...drawn.flatMap((one) => one.row.run ?? [])];
  const running = new Set(shownRuns.flatMap((run) => (run.status === "RUNNING" ? [run.id] : [])));
  const now = useClock(running.size > 0 && columns.some((one) => one.key === "duration"));
  const sparkKeys = useMemo(
    () => [...new Set(slice.columns.flatMap((one) => (one.kind === "spark" ? [one.key] : [])))],
    [slice],
  );
  const sparks = useSparks(
    shownRuns.map((run) => run.id),
    running,
    sparkKeys,
    rows.version,
  );
  const { ranges, marks, base, colouring, mayWrite, figure } = props;
  const colourPlace = colouring ? props.groupIds.indexOf(colouring.id) : -1;
  const rowLook = useMemo<RowLook>(
    () => ({ slice, ranges, marks, base, dark, zone, colouring, colourPlace, mayWrite, figure }),
    [slice, ranges, marks, base, dark, zone, colouring, colourPlace, mayWrite, figure],
  );

  const goTo = (row: number, col: number) => {
    const next = {
      row: Math.max(-1, Math.min(row, top.length + rows.size - 1)),
      col: Math.max(0, Math.min(col, columns.length - 1)),
    };
    setActive(next);
    const box = scroller.current;
    if (!box) return next;
    if (next.row >= top.length)
      box.scrollTop = rail.scrollTo(next.row - top.length, box.scrollTop, above - HEAD_HEIGHT);
    const column = columns[next.col];
    if (column && !column.pinned) {
      const pinned = columns.reduce((sum, one) => sum + (one.pinned ? one.width : 0), SELECT_WIDTH);
      const left = columns.slice(0, next.col).reduce((sum, one) => sum + (one.pinned ? 0 : one.width), 0);
      const visible = box.clientWidth - pinned;
      if (left < box.scrollLeft) box.scrollLeft = left;
      else if (left + column.width > box.scrollLeft + visible) box.scrollLeft = left + column.width - visible;
    }
    return next;
  };
  const cellAt = (row: number, col: number): CellAt => {
    const found = row < 0 ? null : rowAt(row);
    return { run: found?.run, groupId: found?.group?.id, column: columns[col], row };
  };
  const anchorOf = (): DOMRect =>
    (document.getElementById(`${domId}-cell`) ?? scroller.current)?.getBoundingClientRect() ?? new DOMRect();

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor((room.height - above) / rowHeight) - 1);
    const move = keyOf(event, active, { rows: top.length + rows.size, columns: columns.length, page });
    if (move) {
      event.preventDefault();
      const next = goTo(move.row, move.col);
      if (event.shiftKey && next.row !== active.row && next.row >= 0)
        actions.act("extend", cellAt(next.row, next.col), event);
      else if (next.row !== active.row) actions.key("moved", cellAt(next.row, next.col), event);
      return;
    }
    const column = columns[active.col];
    if (active.row < 0 && column) {
      if (headKey(event, column, columns, props.head, anchorOf)) event.preventDefault();
      return;
    }
    if ((event.shiftKey && event.key === "F10") || event.key === "ContextMenu") {
      event.preventDefault();
      actions.menu(cellAt(activeRow, active.col), anchorOf());
    } else if (actions.key(event.key, cellAt(activeRow, active.col), event)) event.preventDefault();
  };

  const locateEvent = (
    event: MouseEvent,
  ): (CellAt & { col: number; act: string | undefined; element: HTMLElement }) | null => {
    const target = event.target as HTMLElement;
    const rowElement = target.closest<HTMLElement>("[data-run-row]");
    if (!rowElement) return null;
    const cell = target.closest<HTMLElement>("[data-col]");
    const row = Number(rowElement.dataset.row);
    const col = cell ? Number(cell.dataset.col) : 0;
    return {
      ...cellAt(row, col),
      col,
      act: target.closest<HTMLElement>("[data-act]")?.dataset.act,
      element: cell ?? rowElement,
    };
  };
  const onClick = (event: MouseEvent) => {
    const at = locateEvent(event);
    if (!at || (event.target as HTMLElement).matches("input:not([type=checkbox])")) return;
    setActive({ row: at.row, col: at.col });
    if (at.act === "link" && (event.ctrlKey || event.metaKey || event.shiftKey)) return;
    if (at.act) event.preventDefault();
    actions.act(at.act ?? "cell", at, event);
  };

  props.gridRef.current = {
    focus: () => scroller.current?.focus({ preventScroll: true }),
    toTop: () => {
      if (scroller.current) scroller.current.scrollTop = 0;
    },
    move: (by) => cellAt(goTo(activeRow + by, active.col).row, active.col).run,
  };

  // Hovering a curve marks its row, and a row its curves; without drawing anything anew.
  useEffect(() => {
    const mark = () => {
      const box = scroller.current;
      box?.querySelector("[data-hover]")?.removeAttribute("data-hover");
      const id = hover.get();
      if (id) box?.querySelector(`[data-run="${CSS.escape(id)}"]`)?.setAttribute("data-hover", "");
    };
    return hover.watch(mark);
  }, []);

  const width = columns.reduce((sum, one) => sum + one.width, SELECT_WIDTH);
  const renderRow = (index: number, row: RowOf, y: number | null) => {
    const id = row.run?.id ?? row.group?.id;
    const canOpen = row.group !== undefined || (row.run !== undefined && y !== null && props.opens(row.run));
    return (
      <Row
        key={y === null ? `top-${id}` : index % rail.pool}
        look={rowLook}
        run={row.run}
        group={row.group}
        groupLabels={row.group && props.groupLabels}
        depth={row.depth}
        tree={props.tree}
        index={index}
        top={y}
        isTop={y === null}
        selected={row.run !== undefined && props.isSelected(row.run.id)}
        hidden={row.run !== undefined && props.hidden.has(row.run.id)}
        open={canOpen && id !== undefined ? props.open.has(id) : null}
        activeCol={index === activeRow && active.row >= 0 ? active.col : -1}
        now={row.run?.status === "RUNNING" ? now.second : now.minute}
        sparks={sparkKeys.length ? sparks : 0}
        tools={index === pointed || (index === activeRow && active.row >= 0)}
        domId={domId}
        renaming={
          row.run !== undefined &&
          props.renaming === row.run.id &&
          (y === null || !top.some((one) => one.id === id))
        }
        onRename={actions.rename}
      />
    );
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it is a grid or a treegrid, which the linter can't tell
    // biome-ignore lint/a11y/useKeyWithMouseEvents: the exact value on hover is in the peek panel for keyboards
    <div
      ref={scroller}
      className={styles.grid}
      role={props.tree ? "treegrid" : "grid"}
      aria-label={messages.table}
      aria-rowcount={rows.total === null ? -1 : rows.size + top.length + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={`${domId}-cell`}
      aria-busy={rows.stale || undefined}
      data-stale={rows.stale || undefined}
      data-wrap={props.wrap || undefined}
      tabIndex={0}
      style={{ ["--row-height" as string]: `${rowHeight}px` }}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDoubleClick={(event) => {
        const at = locateEvent(event);
        if (at?.run && !at.act) actions.act("link", at, event);
      }}
      onContextMenu={(event) => {
        const at = locateEvent(event);
        if (!at) return;
        event.preventDefault();
        setActive({ row: at.row, col: at.col });
        actions.menu(at, new DOMRect(event.clientX, event.clientY, 0, 0));
      }}
      onMouseOver={(event) => {
        const at = locateEvent(event);
        hover.set(at?.run?.id ?? null);
        setPointed(at?.row ?? -1);
        if (at?.act === "link") actions.act("preload", at, event);
        if (!at?.column) return;
        const group = at.run ? undefined : rowAt(at.row)?.group;
        const title = at.run
          ? exactText(at.run, at.column, Date.now())
          : group && figuresText(group, at.column);
        at.element.title = (title ?? "").slice(0, 2_000);
      }}
      onMouseLeave={() => {
        hover.set(null);
        setPointed(-1);
      }}
    >
      <div role="rowgroup" className={styles.sticky} style={{ width }}>
        <Head
          slice={slice}
          columns={columns}
          sorts={props.sorts}
          activeCol={active.row < 0 ? active.col : -1}
          domId={domId}
          allSelected={props.allSelected}
          grouped={rows.grouped}
          actions={props.head}
        />
        {top.map((run, index) => renderRow(index, { depth: 0, run }, null))}
      </div>
      <div role="rowgroup" className={styles.body} style={{ width, height: rail.height }}>
        {drawn.map(({ index, row }) =>
          renderRow(index, row, rail.topOf(index - top.length, scroller.current?.scrollTop ?? 0)),
        )}
      </div>
    </div>
  );
}
