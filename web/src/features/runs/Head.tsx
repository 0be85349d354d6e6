/** The header of the table: sorts on click, columns move by drag and change their width at their edge. */
import { type PointerEvent, useRef, useState } from "react";
import { markOf } from "./marks";
import { messages } from "./messages";
import styles from "./RunTable.module.css";
import type { Slice } from "./slice";
import { LEAST_WIDTH, type Side, statText, type TableColumn } from "./tableColumns";

export interface HeadActions {
  sort: (column: TableColumn, add: boolean) => void;
  menu: (column: TableColumn, anchor: DOMRect) => void;
  move: (id: string, before: string | null) => void;
  pin: (id: string, side: Side) => void;
  resize: (id: string, width: number) => void;
  fit: (column: TableColumn) => void;
  selectAll: () => void;
}

export interface SortMark {
  descending: boolean;
  place: number;
}

const DRAG_FROM_PX = 5;

export function Head({
  slice,
  columns,
  sorts,
  activeCol,
  domId,
  allSelected,
  grouped,
  actions,
}: {
  slice: Slice;
  columns: TableColumn[];
  sorts: Map<string, SortMark>;
  activeCol: number;
  domId: string;
  allSelected: boolean;
  grouped: boolean;
  actions: HeadActions;
}) {
  const row = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ id: string; before: string | null } | null>(null);
  const pressed = useRef<{ id: string; x: number; moved: boolean } | null>(null);

  const target = (x: number): string | null => {
    for (const cell of row.current?.querySelectorAll<HTMLElement>("[data-col-id]") ?? []) {
      const box = cell.getBoundingClientRect();
      if (x < box.left + box.width / 2) return cell.dataset.colId ?? null;
    }
    return null;
  };
  const onPointerMove = (event: PointerEvent) => {
    const press = pressed.current;
    if (!press) return;
    if (!press.moved && Math.abs(event.clientX - press.x) < DRAG_FROM_PX) return;
    if (!press.moved) (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    press.moved = true;
    setDrag({ id: press.id, before: target(event.clientX) });
  };
  const onPointerUp = () => {
    if (pressed.current?.moved && drag && drag.id !== drag.before) actions.move(drag.id, drag.before);
    setDrag(null);
    // The click that follows belongs to the drag.
    if (pressed.current && !pressed.current.moved) pressed.current = null;
  };

  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div
      role="row"
      aria-rowindex={1}
      className={styles.head}
      ref={row}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={() => {
        pressed.current = null;
        setDrag(null);
      }}
    >
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus */}
      <div role="columnheader" aria-colindex={1} className={styles.check} data-pinned="">
        {!grouped && (
          <input
            type="checkbox"
            tabIndex={-1}
            checked={allSelected}
            onChange={actions.selectAll}
            aria-label={messages.selectShown}
          />
        )}
      </div>
      {slice.columns.map((column, i) => {
        const place = slice.places[i] as number;
        const sort = sorts.get(column.id);
        const next = columns[place + 1]?.id ?? null;
        const direction = column.kind === "metric" ? markOf(column.key).direction : "none";
        return (
          <HeadCell
            key={column.id}
            column={column}
            place={place}
            domId={domId}
            active={place === activeCol}
            offset={slice.offsets[i] as number}
            space={i === slice.pinned ? slice.before : 0}
            room={i === slice.right ? slice.after : null}
            sort={sort}
            several={sorts.size > 1}
            better={direction === "none" ? "" : messages.better[direction]}
            drop={drag && drag.id !== column.id ? dropSide(drag.before, column.id, next) : undefined}
            actions={actions}
            onPress={(event) => {
              if (event.button === 0) pressed.current = { id: column.id, x: event.clientX, moved: false };
            }}
            onClick={(event) => {
              const dragged = pressed.current?.moved;
              pressed.current = null;
              if (!dragged) actions.sort(column, event.shiftKey);
            }}
          />
        );
      })}
      {slice.right === slice.columns.length && slice.after > 0 && (
        <span style={{ width: slice.after, flex: "none" }} />
      )}
    </div>
  );
}

function dropSide(before: string | null, id: string, next: string | null): "start" | "end" | undefined {
  if (before === id) return "start";
  return before === null && next === null ? "end" : undefined;
}

function HeadCell({
  column,
  place,
  domId,
  active,
  offset,
  space,
  room,
  sort,
  several,
  better,
  drop,
  actions,
  onPress,
  onClick,
}: {
  column: TableColumn;
  place: number;
  domId: string;
  active: boolean;
  offset: number;
  space: number;
  /** Room before it that takes what is left of the line, so that it stands at the right. */
  room: number | null;
  sort?: SortMark;
  several: boolean;
  better: string;
  drop?: "start" | "end";
  actions: HeadActions;
  onPress: (event: PointerEvent) => void;
  onClick: (event: { shiftKey: boolean }) => void;
}) {
  const cell = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState<number | null>(null);
  const start = useRef<{ x: number; width: number } | null>(null);
  return (
    <>
      {space > 0 && <span style={{ width: space, flex: "none" }} />}
      {room !== null && <span style={{ flex: `1 0 ${room}px` }} />}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its active cell */}
      <div
        role="columnheader"
        ref={cell}
        id={active ? `${domId}-cell` : undefined}
        aria-colindex={place + 2}
        aria-sort={sort ? (sort.descending ? "descending" : "ascending") : undefined}
        data-col={place}
        data-col-id={column.id}
        data-active={active || undefined}
        data-pinned={column.pinned || undefined}
        data-numeric={column.numeric || undefined}
        data-drop={drop}
        className={styles.headCell}
        style={{
          width: width ?? column.width,
          insetInlineStart: column.pinned === "left" ? offset : undefined,
          insetInlineEnd: column.pinned === "right" ? offset : undefined,
        }}
        onContextMenu={(event) => {
          event.preventDefault();
          actions.menu(column, event.currentTarget.getBoundingClientRect());
        }}
      >
        <button
          type="button"
          tabIndex={-1}
          className={styles.headLabel}
          title={[
            column.kind === "attribute" ? column.label : `${messages.kinds[column.kind]} ${column.key}`,
            column.stat === "last" ? "" : statText(column),
            better,
          ]
            .filter(Boolean)
            .join(" · ")}
          onPointerDown={onPress}
          onClick={onClick}
        >
          <bdi>{column.label.slice(0, 200)}</bdi>
          {column.kind === "spark" && <span className={styles.stat}>{messages.curveShort}</span>}
          {column.stat !== "last" && <span className={styles.stat}>{statText(column)}</span>}
          {sort && (
            <span className={styles.sort} aria-hidden="true">
              {sort.descending ? "↓" : "↑"}
              {several ? sort.place + 1 : ""}
            </span>
          )}
        </button>
        <button
          type="button"
          tabIndex={-1}
          className={styles.headMenu}
          aria-label={messages.columnMenu(column.label)}
          onClick={() => cell.current && actions.menu(column, cell.current.getBoundingClientRect())}
        >
          ⋮
        </button>
        <span
          className={styles.edge}
          aria-hidden="true"
          onDoubleClick={() => actions.fit(column)}
          onPointerDown={(event) => {
            event.preventDefault();
            event.stopPropagation();
            event.currentTarget.setPointerCapture(event.pointerId);
            start.current = { x: event.clientX, width: column.width };
          }}
          onPointerMove={(event) => {
            if (!start.current) return;
            event.stopPropagation();
            setWidth(Math.max(LEAST_WIDTH, start.current.width + event.clientX - start.current.x));
          }}
          onPointerUp={(event) => {
            event.stopPropagation();
            start.current = null;
            if (width !== null) actions.resize(column.id, width);
            setWidth(null);
          }}
        />
      </div>
    </>
  );
}
