/** Where a key moves the active cell. The header is row -1. Pure. */
export interface CellPlace {
  row: number;
  col: number;
}

export interface Keys {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** The new place, or null for keys that don't move. */
export function keyOf(
  event: Keys,
  at: CellPlace,
  size: { rows: number; columns: number; page: number },
): CellPlace | null {
  const far = event.ctrlKey || event.metaKey;
  if (event.altKey || (far && at.row < 0 && event.key.startsWith("Arrow"))) return null;
  switch (event.key) {
    case "ArrowDown":
      return { ...at, row: far ? size.rows - 1 : at.row + 1 };
    case "ArrowUp":
      return { ...at, row: far ? 0 : at.row - 1 };
    case "ArrowRight":
      return { ...at, col: far ? size.columns - 1 : at.col + 1 };
    case "ArrowLeft":
      return { ...at, col: far ? 0 : at.col - 1 };
    case "PageDown":
      return { ...at, row: at.row + size.page };
    case "PageUp":
      return { ...at, row: Math.max(0, at.row - size.page) };
    case "Home":
      return far ? { row: 0, col: 0 } : { ...at, col: 0 };
    case "End":
      return far ? { row: size.rows - 1, col: size.columns - 1 } : { ...at, col: size.columns - 1 };
    case "j":
      return far ? null : { ...at, row: at.row + 1 };
    case "k":
      return far ? null : { ...at, row: Math.max(0, at.row - 1) };
    default:
      return null;
  }
}
