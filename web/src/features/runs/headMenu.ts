/** What can be done with a column. */
import type { Stat } from "@/features/experiment/columns";
import type { MenuEntry } from "@/ui/Menu";
import { type Direction, markOf } from "./marks";
import { messages } from "./messages";
import { NAME, type TableColumn } from "./tableColumns";

export interface HeadDeeds {
  sort: (descending: boolean, add: boolean) => void;
  unsort: () => void;
  pin: () => void;
  shift: (by: number) => void;
  fit: () => void;
  hide: () => void;
  stat: (stat: Stat) => void;
  curve: () => void;
  shade: () => void;
  direction: (direction: Direction) => void;
  group: () => void;
}

const STATS: Stat[] = ["last", "min", "max", "mean", "first", "count"];
const DIRECTIONS: Direction[] = ["min", "max", "none"];

export function canGroup(column: TableColumn): boolean {
  if (column.kind === "attribute") return column.key === "status" || column.key === "user_id";
  return column.kind === "param" || column.kind === "tag";
}

export function headMenu(
  column: TableColumn,
  state: { sorted: boolean; sorts: number; grouped: boolean },
  deeds: HeadDeeds,
): MenuEntry[] {
  const mark = markOf(column.key);
  const sortable = column.kind !== "spark";
  const metric: MenuEntry[] =
    column.kind === "metric"
      ? [
          "separator",
          ...STATS.map((stat) => ({
            label: messages.statNames[stat],
            checked: column.stat === stat,
            onSelect: () => deeds.stat(stat),
          })),
          "separator",
          ...DIRECTIONS.map((direction) => ({
            label: messages.best_[direction],
            checked: mark.direction === direction,
            onSelect: () => deeds.direction(direction),
          })),
          { label: messages.shade, checked: mark.shade, onSelect: deeds.shade },
          { label: messages.addCurve, onSelect: deeds.curve },
        ]
      : [];
  return [
    ...(sortable
      ? [
          { label: messages.sortAscending, onSelect: () => deeds.sort(false, false) },
          { label: messages.sortDescending, onSelect: () => deeds.sort(true, false) },
          ...(state.sorts > 0 && !state.sorted
            ? [{ label: messages.sortAdd, shortcut: "Shift", onSelect: () => deeds.sort(false, true) }]
            : []),
          ...(state.sorted ? [{ label: messages.sortOff, onSelect: deeds.unsort }] : []),
        ]
      : []),
    ...(canGroup(column)
      ? [{ label: state.grouped ? messages.ungroup : messages.groupBy, onSelect: deeds.group }]
      : []),
    ...metric,
    "separator",
    { label: column.pinned ? messages.unpinColumn : messages.pinColumn, onSelect: deeds.pin },
    { label: messages.moveLeft, shortcut: "Ctrl ←", onSelect: () => deeds.shift(-1) },
    { label: messages.moveRight, shortcut: "Ctrl →", onSelect: () => deeds.shift(1) },
    { label: messages.fit, onSelect: deeds.fit },
    ...(column.id === NAME ? [] : [{ label: messages.hideColumn, onSelect: deeds.hide }]),
  ];
}
