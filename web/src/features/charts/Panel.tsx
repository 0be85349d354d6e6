/** One panel: it fetches and draws only while it is in view, and keeps its place while it isn't. */
import { GripVertical, Maximize2, MoreHorizontal } from "lucide-react";
import { lazy, memo, Suspense, useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ROOT } from "@/api/client";
import { useMe } from "@/app/me";
import type { Line } from "@/charts/lines";
import type { Plot } from "@/charts/plot";
import { extent, type Range } from "@/charts/ranges";
import { IconButton } from "@/ui/Button";
import { Menu, type MenuEntry } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { Boundary, ErrorNotice, Skeleton } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import { Bars } from "./Bars";
import { useBoard } from "./board";
import { saveCsv, savePng, saveSvg, toPython } from "./export";
import { LineMenu, type MenuPlace } from "./LineMenu";
import { noteAt } from "./marks";
import { messages } from "./messages";
import type { NoteDraft } from "./NoteDialog";
import { notesOf } from "./notes";
import styles from "./Panel.module.css";
import { PanelEditor } from "./PanelEditor";
import { type LinePlace, PlotBox } from "./PlotBox";
import { panelTitle, withMove } from "./sections";
import { type PanelSpec, withChange } from "./state";
import { settingsOf, usePanel } from "./usePanel";
import { useInView, useSize } from "./useSize";
import { ValuesTable } from "./ValuesTable";

const DataDialog = lazy(() => import("./DataDialog"));
const NoteDialog = lazy(() => import("./NoteDialog"));

export const PLOT_HEIGHT = 210;
export const TALLER_BY = 150;
const LEAST_WIDTH = 60;
const BORDER_PX = 1;

export interface PanelPlace {
  /** Which of its section's panels it is, and how many there are. */
  place: number;
  of: number;
}

export const Panel = memo(function Panel({ spec, place, of }: PanelPlace & { spec: PanelSpec }) {
  const { state, set } = useBoard();
  const box = useRef<HTMLElement>(null);
  const { visible, height: before, width } = useInView(box);
  const [over, setOver] = useState(false);
  const title = panelTitle(spec);
  const height = PLOT_HEIGHT + ((spec.tall ?? 1) - 1) * TALLER_BY;
  return (
    <article
      ref={box}
      className={styles.panel}
      data-panel={spec.id}
      data-over={over || undefined}
      aria-label={title}
      style={{ gridColumn: `span ${Math.min(spec.wide ?? 1, state.cols)}`, minHeight: before || undefined }}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAG_TYPE)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const id = event.dataTransfer.getData(DRAG_TYPE);
        if (id && id !== spec.id) set({ moves: withMove(state.moves, id, place) });
      }}
    >
      {visible ? (
        <Boundary>
          <PanelInside
            spec={spec}
            title={title}
            height={height}
            place={place}
            of={of}
            expected={Math.round(width) - 2 * BORDER_PX}
          />
        </Boundary>
      ) : (
        <Waiting title={title} height={height} />
      )}
    </article>
  );
});

/** A panel that nobody sees yet: a thousand of them cost as much as a list of names. */
function Waiting({ title, height }: { title: string; height: number }) {
  return (
    <>
      <header className={styles.panelHead}>
        <h3 className={styles.panelTitle}>
          <bdi>{title}</bdi>
        </h3>
      </header>
      <div style={{ minHeight: height }} />
    </>
  );
}

const DRAG_TYPE = "application/x-assay-panel";

/** What stands in a panel; full-screen ones show the same. */
export function PanelInside({
  spec,
  title,
  height,
  place,
  of,
  full = false,
  expected = 0,
}: PanelPlace & {
  spec: PanelSpec;
  title: string;
  height: number;
  full?: boolean;
  /** How wide its inside will be, where that is known. */
  expected?: number;
}) {
  const board = useBoard();
  const { state, set } = board;
  const body = useRef<HTMLDivElement>(null);
  const { width } = useSize(body, expected);
  const [menu, setMenu] = useState<MenuPlace | null>(null);
  const [dialog, setDialog] = useState<"data" | "edit" | null>(null);
  const [note, setNote] = useState<NoteDraft | null>(null);
  const plot = useRef<Plot | null>(null);
  const [ownZoom, setOwnZoom] = useState<Range | null>(null);
  const data = usePanel(spec, width, ownZoom);
  const { built, error, loading, mistake } = data;
  const view = useSharedY(spec.id, data.view);
  const { x } = settingsOf(state, spec);
  const ownX = x !== state.x;
  const { events } = board;
  const writes = useMe().may("write");
  const onLine = useCallback(
    (line: Line, { index, ...at }: LinePlace) => {
      if (!line.runId) return;
      const draft = writes ? noteAt(line, index ?? -1, events) : null;
      setMenu({ runId: line.runId, name: line.label, ...at, note: draft });
    },
    [events, writes],
  );
  const onZoom = useCallback(
    (zoom: Range | null) => {
      if (ownX) setOwnZoom(zoom);
      else set({ zoom });
    },
    [set, ownX],
  );
  const isBars = built.single && !loading;
  const notes = notesOf(view, state, settingsOf(state, spec), data.axis.label);
  return (
    <>
      <header className={styles.panelHead}>
        {!full && (
          <span
            className={styles.grip}
            draggable
            title={messages.drag(title)}
            aria-hidden="true"
            onDragStart={(event) => {
              event.dataTransfer.setData(DRAG_TYPE, spec.id);
              event.dataTransfer.effectAllowed = "move";
            }}
          >
            <GripVertical size={12} />
          </span>
        )}
        <h3 className={styles.panelTitle} title={title}>
          <bdi>{title}</bdi>
        </h3>
        {!full && (
          <IconButton label={`${messages.fullScreen}: ${title}`} onClick={() => set({ full: spec.id })}>
            <Maximize2 size={13} />
          </IconButton>
        )}
        <Menu
          label={messages.panelMenu(title)}
          trigger={
            <IconButton label={messages.panelMenu(title)}>
              <MoreHorizontal size={15} />
            </IconButton>
          }
          entries={[
            ...(full ? [] : arranging(board, spec, { place, of })),
            { label: messages.edit, onSelect: () => setDialog("edit") },
            { label: messages.data, onSelect: () => setDialog("data") },
            "separator",
            ...(isBars
              ? []
              : [
                  {
                    label: messages.png,
                    onSelect: () => plot.current && savePng(plot.current, view, title),
                  },
                  {
                    label: messages.svg,
                    onSelect: () => plot.current && saveSvg(plot.current, view, title),
                  },
                ]),
            { label: messages.csv, onSelect: () => saveCsv(view, title) },
            { label: messages.python, onSelect: () => copyPython(board, spec, data.keys, title) },
          ]}
        />
      </header>
      <div ref={body} className={styles.panelBody} style={{ minHeight: height }}>
        {width <= LEAST_WIDTH ? null : error !== null && error !== undefined ? (
          <ErrorNotice error={error} retry={data.retry} />
        ) : mistake || !built.lines.length ? (
          loading && !mistake ? (
            <Skeleton height={height} />
          ) : (
            <p className={styles.nothing}>{mistake || nothing(spec, board.baseline)}</p>
          )
        ) : isBars ? (
          <Bars title={title} lines={built.lines} onLine={onLine} />
        ) : (
          <PlotBox
            title={title}
            axis={x}
            view={view}
            width={width}
            height={height}
            baseline={board.baseline}
            onZoom={onZoom}
            onLine={onLine}
            onPlot={(made) => {
              plot.current = made;
            }}
          />
        )}
      </div>
      {notes.length > 0 && !isBars && built.lines.length > 0 && (
        <p className={styles.notes}>{notes.join(" · ")}</p>
      )}
      {(state.values || full) && built.lines.length > 0 && (
        <ValuesTable title={title} lines={built.lines} onLine={onLine} />
      )}
      {!full && <ResizeHandle spec={spec} title={title} />}
      {menu && <LineMenu place={menu} onNote={setNote} onClose={() => setMenu(null)} />}
      <Suspense>
        {dialog === "data" && (
          <DataDialog title={title} view={view} onNote={setNote} onClose={() => setDialog(null)} />
        )}
        {note && <NoteDialog draft={note} onClose={() => setNote(null)} />}
      </Suspense>
      {dialog === "edit" && (
        <PanelEditor
          spec={spec}
          keys={board.keys}
          onClose={() => setDialog(null)}
          onSave={(change) => set(withChange(state, spec.id, change))}
        />
      )}
    </>
  );
}

function nothing(spec: PanelSpec, baseline: string | null): string {
  return spec.expr?.includes("base(") && !baseline ? messages.noBase : messages.nothing;
}

/** One range of y for all panels, where the reader asked for it. */
function useSharedY(id: string, view: ReturnType<typeof usePanel>["view"]) {
  const { state, sharedY } = useBoard();
  const whole = useSyncExternalStore(sharedY.watch, sharedY.get);
  useEffect(() => {
    if (!state.lockY) return;
    sharedY.report(
      id,
      extent(
        view.lines.map((line) => line.y),
        view.yScale === "log",
      ),
    );
    return () => sharedY.report(id, null);
  }, [state.lockY, sharedY, id, view.lines, view.yScale]);
  const [low, high] = view.fixed;
  return state.lockY && whole && low === null && high === null ? { ...view, fixed: whole } : view;
}

function copyPython(board: ReturnType<typeof useBoard>, spec: PanelSpec, keys: string[], title: string) {
  const code = toPython({
    server: ROOT.toString().replace(/\/$/, ""),
    title,
    spec,
    keys: spec.expr ? board.keys.filter((key) => spec.expr?.includes(key)) : keys,
    runs: board.runs,
    state: board.state,
  });
  navigator.clipboard.writeText(code).then(() => toast({ text: words.copied }), toastError);
}

/** Menu entries that move, size, double or remove a panel: what hands do by dragging. */
function arranging(
  { state, set }: ReturnType<typeof useBoard>,
  spec: PanelSpec,
  { place, of }: PanelPlace,
): MenuEntry[] {
  const change = (part: Parameters<typeof withChange>[2]) => set(withChange(state, spec.id, part));
  const wide = spec.wide ?? 1;
  const tall = spec.tall ?? 1;
  const move = (to: number) => set({ moves: withMove(state.moves, spec.id, to) });
  const { id: _, ...rest } = spec;
  const entries: (MenuEntry | false)[] = [
    wide < state.cols && { label: messages.wider, onSelect: () => change({ wide: wide + 1 }) },
    wide > 1 && {
      label: messages.narrower,
      onSelect: () => change({ wide: wide > 2 ? wide - 1 : undefined }),
    },
    tall < 3 && { label: messages.taller, onSelect: () => change({ tall: tall + 1 }) },
    tall > 1 && {
      label: messages.shorter,
      onSelect: () => change({ tall: tall > 2 ? tall - 1 : undefined }),
    },
    place > 0 && { label: messages.moveFirst, onSelect: () => move(0) },
    place > 0 && { label: messages.moveBack, onSelect: () => move(place - 1) },
    place < of - 1 && { label: messages.moveOn, onSelect: () => move(place + 1) },
    {
      label: messages.duplicate,
      onSelect: () => set({ extra: [...state.extra, { ...rest, id: freshId(state.extra) }] }),
    },
    { label: messages.remove, tone: "bad", onSelect: () => remove(state, set, spec.id) },
    "separator",
  ];
  return entries.filter((entry): entry is MenuEntry => entry !== false);
}

function remove(
  state: ReturnType<typeof useBoard>["state"],
  set: ReturnType<typeof useBoard>["set"],
  id: string,
): void {
  const { extra, changes } = state;
  set(withChange(state, id, { gone: true }));
  toast({ text: messages.removed, undo: () => set({ extra, changes }) });
}

export function freshId(extra: PanelSpec[]): string {
  let number = extra.length + 1;
  while (extra.some((panel) => panel.id === `x:${number}`)) number += 1;
  return `x:${number}`;
}

/** The corner that is dragged to size a panel by the grid. Its menu does the same by keyboard. */
function ResizeHandle({ spec, title }: { spec: PanelSpec; title: string }) {
  const { state, set } = useBoard();
  const start = useRef<{ x: number; y: number; width: number; wide: number; tall: number } | null>(null);
  return (
    <span
      className={styles.resize}
      title={messages.resize(title)}
      aria-hidden="true"
      onPointerDown={(event) => {
        const panel = event.currentTarget.closest("article");
        if (!panel) return;
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        const wide = Math.min(spec.wide ?? 1, state.cols);
        const width = panel.getBoundingClientRect().width / wide;
        start.current = { x: event.clientX, y: event.clientY, width, wide, tall: spec.tall ?? 1 };
      }}
      onPointerMove={(event) => {
        if (!start.current) return;
        const { x, y, width, wide, tall } = start.current;
        const nextWide = Math.max(1, Math.min(state.cols, wide + Math.round((event.clientX - x) / width)));
        const nextTall = Math.max(1, Math.min(3, tall + Math.round((event.clientY - y) / TALLER_BY)));
        if (nextWide === (spec.wide ?? 1) && nextTall === (spec.tall ?? 1)) return;
        const change = {
          wide: nextWide > 1 ? nextWide : undefined,
          tall: nextTall > 1 ? nextTall : undefined,
        };
        set(withChange(state, spec.id, change), { replace: true });
      }}
      onPointerUp={() => {
        start.current = null;
      }}
    />
  );
}
