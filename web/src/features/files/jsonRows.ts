/** JSON as rows of a tree: only what is open, so that a large document costs what is seen of it. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface JsonRow {
  /** Keys from the root, joined so that no two places share one. */
  id: string;
  depth: number;
  name: string;
  value: Json;
  open: boolean | null;
}

/** A level of more items than this is shown up to here, and says so. */
export const MAX_ITEMS = 50_000;

// Python writes NaN and the infinities bare, which JSON does not know; texts are left as they are.
const BARE = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;

export function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return JSON.parse(text.replace(BARE, (found) => (found[0] === '"' ? found : `"${found}"`))) as Json;
  }
}

export function isBranch(value: Json): value is Json[] | { [key: string]: Json } {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

export function jsonRows(root: Json, opened: ReadonlySet<string>): JsonRow[] {
  const rows: JsonRow[] = [];
  const add = (name: string, value: Json, id: string, depth: number) => {
    const open = isBranch(value) ? opened.has(id) : null;
    rows.push({ id, depth, name, value, open });
    if (!open) return;
    let count = 0;
    for (const [key, child] of Object.entries(value as object)) {
      if (++count > MAX_ITEMS) break;
      add(key, child as Json, `${id}/${encodeURIComponent(key)}`, depth + 1);
    }
  };
  add("", root, "", 0);
  return rows;
}

/** What is open at first: the root, and below it what is small. */
export function firstOpen(root: Json): Set<string> {
  const opened = new Set<string>();
  let left = 200;
  const open = (value: Json, id: string, depth: number) => {
    if (!isBranch(value) || depth > 3) return;
    const keys = Object.keys(value);
    if (depth && keys.length > left) return;
    left -= keys.length;
    opened.add(id);
    for (const [key, child] of Object.entries(value)) {
      open(child, `${id}/${encodeURIComponent(key)}`, depth + 1);
    }
  };
  open(root, "", 0);
  return opened;
}
