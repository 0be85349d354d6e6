/** What the server is asked for to draw columns. */
import { STAR } from "./Row";
import type { Wanted } from "./store";
import { asked, type TableColumn } from "./tableColumns";

/** Stars stand beside the names and have no column of their own. */
export const STAR_COLUMN: TableColumn = {
  id: STAR,
  kind: "tag",
  key: STAR.slice(2),
  stat: "last",
  label: "",
  width: 0,
  numeric: false,
  pinned: false,
};

export function wantedOf(column: TableColumn): Wanted[] {
  const found = asked(column);
  return found ? [{ id: column.id, column: found }] : [];
}
