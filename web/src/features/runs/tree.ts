/**
 * Rows under rows: which row stands at a position of the table when groups or parents are open. Pure.
 * A list may be huge and mostly unread; only open rows cost anything.
 */
export interface Branch {
  /** The list's key. */
  list: string;
  /** Rows of the list itself, known from its first window. */
  total: number;
  /** Open rows, by their place in the list, ascending. */
  open: { at: number; branch: Branch }[];
}

export interface Place {
  list: string;
  index: number;
  depth: number;
}

/** Rows of a branch with all that is open below it. */
export function sizeOf(branch: Branch): number {
  return branch.open.reduce((sum, one) => sum + sizeOf(one.branch), branch.total);
}

/** What stands at the position `flat`, counted from 0; null beyond the end. */
export function locate(branch: Branch, flat: number, depth = 0): Place | null {
  let skipped = 0;
  for (const { at, branch: below } of branch.open) {
    if (flat <= at + skipped) break;
    const size = sizeOf(below);
    if (flat <= at + skipped + size) return locate(below, flat - at - skipped - 1, depth + 1);
    skipped += size;
  }
  const index = flat - skipped;
  return index >= 0 && index < branch.total ? { list: branch.list, index, depth } : null;
}
