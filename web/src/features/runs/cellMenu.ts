/** What can be done with a cell and its run. */
import type { MenuEntry } from "@/ui/Menu";
import { exactText, exactValue } from "./cells";
import { condition } from "./filters";
import { messages } from "./messages";
import { STAR } from "./Row";
import { cellOf, type RunRecord } from "./records";
import { asked, NAME, type TableColumn } from "./tableColumns";

export interface CellDeeds {
  narrow: (term: string) => void;
  copy: (text: string) => void;
  copyRow: (run: RunRecord) => void;
  copyPandas: () => void;
  open: (run: RunRecord) => void;
  peek: (run: RunRecord) => void;
  pin: (run: RunRecord) => void;
  base: (run: RunRecord) => void;
  /** What only those may do who may write; null for others. */
  change: { star: (run: RunRecord) => void; rename: (run: RunRecord) => void } | null;
  hide: (run: RunRecord) => void;
}

export interface RunMarks {
  pinned: boolean;
  base: boolean;
  hidden: boolean;
}

const FILTERABLE = new Set(["run_name", "status", "user_id", "run_id", "start_time", "end_time", "duration"]);

function filterEntries(run: RunRecord, column: TableColumn, narrow: (term: string) => void): MenuEntry[] {
  if (column.kind === "spark" || (column.kind === "attribute" && !FILTERABLE.has(column.key))) return [];
  const value = cellOf(run, column.id, Date.now()) ?? null;
  const asColumn = asked(column) ?? { kind: "attribute" as const, key: column.key };
  const shown = value === null ? messages.nothing : exactValue(value);
  const offers = [
    ["=", messages.only(column.label, shown)],
    ["!=", messages.exclude(column.label, shown)],
    ...(typeof value === "number"
      ? [
          [">=", messages.atLeast(column.label, shown)],
          ["<=", messages.atMost(column.label, shown)],
        ]
      : []),
  ] as const;
  return offers.flatMap(([operator, label]): MenuEntry[] => {
    const term = condition(asColumn, operator as "=", value);
    return term ? [{ label: label as string, onSelect: () => narrow(term) }] : [];
  });
}

export function cellMenu(
  run: RunRecord,
  column: TableColumn | undefined,
  marks: RunMarks,
  deeds: CellDeeds,
): MenuEntry[] {
  const { change } = deeds;
  const filters = column ? filterEntries(run, column, deeds.narrow) : [];
  const text = column ? exactText(run, column, Date.now()) : "";
  return [
    { label: messages.openRun, shortcut: "Enter", onSelect: () => deeds.open(run) },
    { label: messages.peek, shortcut: "i", onSelect: () => deeds.peek(run) },
    ...(filters.length ? (["separator", ...filters] as MenuEntry[]) : []),
    "separator",
    ...(text ? [{ label: messages.copyValue, onSelect: () => deeds.copy(text) }] : []),
    ...(column?.id === "a:run_id" ? [] : [{ label: messages.copyId, onSelect: () => deeds.copy(run.id) }]),
    { label: messages.copyJson, onSelect: () => deeds.copyRow(run) },
    { label: messages.copyPandas, onSelect: deeds.copyPandas },
    "separator",
    {
      label: marks.pinned ? messages.unpinRun : messages.pinRun,
      shortcut: "p",
      onSelect: () => deeds.pin(run),
    },
    {
      label: marks.base ? messages.unsetBase : messages.setBase,
      shortcut: "b",
      onSelect: () => deeds.base(run),
    },
    ...(change
      ? [
          {
            label: run.cells[STAR] ? messages.unstarRun : messages.starRun,
            shortcut: "s",
            onSelect: () => change.star(run),
          },
          {
            label: messages.rename,
            shortcut: column?.id === NAME ? "F2" : undefined,
            onSelect: () => change.rename(run),
          },
        ]
      : []),
    { label: marks.hidden ? messages.draw : messages.hide, onSelect: () => deeds.hide(run) },
  ];
}
