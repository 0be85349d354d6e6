/** What a key does in a tree: the pattern of the ARIA Authoring Practices, for rows that are only partly drawn. */

export interface TreeKeyRow {
  depth: number;
  /** Null for what has nothing below it. */
  open: boolean | null;
}

export type TreeAct = { kind: "move"; to: number } | { kind: "fold"; open: boolean } | { kind: "act" };

export function treeKey(key: string, rows: TreeKeyRow[], active: number, page: number): TreeAct | null {
  const row = rows[active];
  const move = (to: number): TreeAct => ({
    kind: "move",
    to: Math.max(0, Math.min(rows.length - 1, to)),
  });
  switch (key) {
    case "ArrowDown":
      return move(active + 1);
    case "ArrowUp":
      return move(active - 1);
    case "Home":
      return move(0);
    case "End":
      return move(rows.length - 1);
    case "PageDown":
      return move(active + page);
    case "PageUp":
      return move(active - page);
    case "ArrowRight":
      return row?.open === false ? { kind: "fold", open: true } : move(active + 1);
    case "ArrowLeft":
      if (row?.open) return { kind: "fold", open: false };
      return move(rows.findLastIndex((one, place) => place < active && one.depth < (row?.depth ?? 0)));
    case "Enter":
    case " ":
      return { kind: "act" };
    default:
      return null;
  }
}
