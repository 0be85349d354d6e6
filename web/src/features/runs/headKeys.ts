/** Keys on a header: sort, menu, and moving, widening or pinning the column. */
import type { KeyboardEvent } from "react";
import type { HeadActions } from "./Head";
import { NAME, type TableColumn } from "./tableColumns";

/** Whether the key meant something. */
export function headKey(
  event: KeyboardEvent,
  column: TableColumn,
  columns: TableColumn[],
  head: HeadActions,
  anchor: () => DOMRect,
): boolean {
  const at = columns.indexOf(column);
  if (event.key === "Enter" || event.key === " ") head.sort(column, event.shiftKey);
  else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))
    head.menu(column, anchor());
  else if (event.ctrlKey && event.shiftKey && event.key === "ArrowLeft") head.pin(column.id, "left");
  else if (event.ctrlKey && event.shiftKey && event.key === "ArrowRight") {
    if (column.id !== NAME) head.pin(column.id, "right");
  } else if (event.ctrlKey && event.key === "ArrowLeft")
    head.move(column.id, columns[at - 1]?.id ?? column.id);
  else if (event.ctrlKey && event.key === "ArrowRight") head.move(column.id, columns[at + 2]?.id ?? null);
  else if (event.altKey && event.key === "ArrowLeft") head.resize(column.id, column.width - 20);
  else if (event.altKey && event.key === "ArrowRight") head.resize(column.id, column.width + 20);
  else return false;
  return true;
}
