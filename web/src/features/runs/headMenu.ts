/** What can be done with a column. */
import { canColour } from "@/features/experiment/colouring";
import { KEPT_STATS, type KeptStat, type PointStat, parseColumn } from "@/features/experiment/columns";
import type { MenuEntry } from "@/ui/Menu";
import { type Direction, markOf } from "./marks";
import { messages } from "./messages";
import { NAME, type Side, type TableColumn } from "./tableColumns";

export interface HeadDeeds {
  sort: (descending: boolean, add: boolean) => void;
  unsort: () => void;
  pin: (side: Side) => void;
  shift: (by: number) => void;
  fit: () => void;
  hide: () => void;
  stat: (stat: KeptStat) => void;
  ask: (stat: PointStat) => void;
  curve: () => void;
  shade: () => void;
  direction: (direction: Direction) => void;
  group: () => void;
  colour: () => void;
}

const POINT_STATS: PointStat[] = ["mean_last", "at_step"];
const DIRECTIONS: Direction[] = ["min", "max", "none"];

export function canGroup(column: TableColumn): boolean {
  if (column.kind === "attribute") return column.key === "status" || column.key === "user_id";
  return column.kind === "param" || column.kind === "tag";
}

export function headMenu(
  column: TableColumn,
  state: { sorted: boolean; sorts: number; grouped: boolean; coloured: boolean },
  deeds: HeadDeeds,
): MenuEntry[] {
  const mark = markOf(column.key);
  const sortable = column.kind !== "spark";
  const metric: MenuEntry[] =
    column.kind === "metric"
      ? [
          "separator",
          ...KEPT_STATS.map((stat) => ({
            label: messages.statNames[stat],
            checked: column.stat === stat,
            onSelect: () => deeds.stat(stat),
          })),
          ...POINT_STATS.map((stat) => ({
            label: messages.askStat[stat],
            checked: column.stat === stat,
            onSelect: () => deeds.ask(stat),
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
    ...(column.kind !== "spark" && canColour(parseColumn(column.id))
      ? [{ label: state.coloured ? messages.uncolour : messages.colourBy, onSelect: deeds.colour }]
      : []),
    ...metric,
    "separator",
    {
      label: column.pinned === "left" ? messages.unpinColumn : messages.pinColumn,
      shortcut: "Ctrl ⇧ ←",
      onSelect: () => deeds.pin("left"),
    },
    ...(column.id === NAME
      ? []
      : [
          {
            label: column.pinned === "right" ? messages.unpinColumn : messages.pinRight,
            shortcut: "Ctrl ⇧ →",
            onSelect: () => deeds.pin("right"),
          },
        ]),
    { label: messages.moveLeft, shortcut: "Ctrl ←", onSelect: () => deeds.shift(-1) },
    { label: messages.moveRight, shortcut: "Ctrl →", onSelect: () => deeds.shift(1) },
    { label: messages.fit, onSelect: deeds.fit },
    ...(column.id === NAME ? [] : [{ label: messages.hideColumn, onSelect: deeds.hide }]),
  ];
}
