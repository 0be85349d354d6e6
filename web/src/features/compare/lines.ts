/** What differs between two texts, line by line and within lines: Myers' O(ND) algorithm, bounded. Pure. */

export interface Change {
  kind: "same" | "removed" | "added";
  /** Place in the left and in the right text; -1 where it is in one only. */
  left: number;
  right: number;
}

export interface Difference {
  changes: Change[];
  /** The texts differ so much that the middle is shown as replaced altogether. */
  coarse: boolean;
}

/** Edits that are looked for: the work grows with their square. */
export const MAX_EDITS = 1_500;

/** The shortest way from one list to the other; more than `maxEdits` steps apart they count as replaced. */
export function difference(
  left: readonly string[],
  right: readonly string[],
  maxEdits = MAX_EDITS,
): Difference {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
  let end = 0;
  while (
    end < left.length - start &&
    end < right.length - start &&
    left[left.length - 1 - end] === right[right.length - 1 - end]
  ) {
    end += 1;
  }
  const changes: Change[] = [];
  for (let i = 0; i < start; i++) changes.push({ kind: "same", left: i, right: i });
  const a = left.slice(start, left.length - end);
  const b = right.slice(start, right.length - end);
  const middle = shortest(a, b, maxEdits);
  if (middle) {
    for (const one of middle) {
      changes.push({
        kind: one.kind,
        left: one.left < 0 ? -1 : one.left + start,
        right: one.right < 0 ? -1 : one.right + start,
      });
    }
  } else {
    for (let i = 0; i < a.length; i++) changes.push({ kind: "removed", left: i + start, right: -1 });
    for (let i = 0; i < b.length; i++) changes.push({ kind: "added", left: -1, right: i + start });
  }
  for (let i = end; i > 0; i--) {
    changes.push({ kind: "same", left: left.length - i, right: right.length - i });
  }
  return { changes, coarse: middle === null };
}

/** Myers, "An O(ND) Difference Algorithm and Its Variations", 1986: how far each diagonal comes with d edits. */
function shortest(a: readonly string[], b: readonly string[], maxEdits: number): Change[] | null {
  const most = Math.min(maxEdits, a.length + b.length);
  const reach = new Int32Array(2 * most + 3);
  const middle = most + 1;
  const trace: Int32Array[] = [];
  for (let d = 0; d <= most; d++) {
    trace.push(reach.slice(middle - d - 1, middle + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const below = reach[middle + k + 1] as number;
      const aside = reach[middle + k - 1] as number;
      let x = k === -d || (k !== d && aside < below) ? below : aside + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length, d);
    }
  }
  return null;
}

function walkBack(trace: readonly Int32Array[], aLength: number, bLength: number, edits: number): Change[] {
  const changes: Change[] = [];
  let x = aLength;
  let y = bLength;
  for (let d = edits; d >= 0; d--) {
    const before = trace[d] as Int32Array;
    // Each trace holds the diagonals -d-1 … d+1 from its start.
    const at = (k: number) => before[k + d + 1] as number;
    const k = x - y;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const previousK = down ? k + 1 : k - 1;
    const previousX = d === 0 ? 0 : at(previousK);
    const previousY = d === 0 ? 0 : previousX - previousK;
    while (x > previousX && y > previousY) {
      x -= 1;
      y -= 1;
      changes.push({ kind: "same", left: x, right: y });
    }
    if (d === 0) break;
    if (down) {
      y -= 1;
      changes.push({ kind: "added", left: -1, right: y });
    } else {
      x -= 1;
      changes.push({ kind: "removed", left: x, right: -1 });
    }
  }
  return changes.reverse();
}

export interface Row {
  /** Numbers from 1 and texts; null where the side has nothing. */
  left: { number: number; text: string } | null;
  right: { number: number; text: string } | null;
  same: boolean;
}

/** Lines as they stand side by side: removed ones beside the added ones that took their place. */
export function sideBySide(
  left: readonly string[],
  right: readonly string[],
  changes: readonly Change[],
): Row[] {
  const rows: Row[] = [];
  let removed: number[] = [];
  let added: number[] = [];
  const side = (lines: readonly string[], i: number | undefined) =>
    i === undefined ? null : { number: i + 1, text: lines[i] ?? "" };
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      rows.push({ left: side(left, removed[i]), right: side(right, added[i]), same: false });
    }
    removed = [];
    added = [];
  };
  for (const change of changes) {
    if (change.kind === "removed") removed.push(change.left);
    else if (change.kind === "added") added.push(change.right);
    else {
      flush();
      rows.push({ left: side(left, change.left), right: side(right, change.right), same: true });
    }
  }
  flush();
  return rows;
}

export interface Part {
  text: string;
  changed: boolean;
}

const MAX_LINE = 2_000;
const MAX_WORD_EDITS = 200;

/** Two lines in words, each with whether the other lacks it. Very long lines count as changed altogether. */
export function wordParts(left: string, right: string): { left: Part[]; right: Part[] } {
  if (left.length > MAX_LINE || right.length > MAX_LINE) {
    return { left: [{ text: left, changed: true }], right: [{ text: right, changed: true }] };
  }
  const words = (text: string) => text.match(/[\p{L}\p{N}_.]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
  const a = words(left);
  const b = words(right);
  const parts = { left: [] as Part[], right: [] as Part[] };
  const push = (list: Part[], text: string, changed: boolean) => {
    const last = list[list.length - 1];
    if (last && last.changed === changed) last.text += text;
    else list.push({ text, changed });
  };
  for (const change of difference(a, b, MAX_WORD_EDITS).changes) {
    if (change.left >= 0) push(parts.left, a[change.left] ?? "", change.kind !== "same");
    if (change.right >= 0) push(parts.right, b[change.right] ?? "", change.kind !== "same");
  }
  return parts;
}

/** Lines as they are compared: without white space at the ends and with single blanks, if it shall not count. */
export function comparable(lines: readonly string[], whiteSpaceCounts: boolean): string[] {
  return whiteSpaceCounts ? [...lines] : lines.map((line) => line.trim().replace(/\s+/g, " "));
}

export type Block = { kind: "rows"; rows: Row[]; from: number } | { kind: "fold"; rows: Row[]; from: number };

/** Rows with long stretches of equal lines folded, but for some around each change. */
export function folded(rows: readonly Row[], around = 3): Block[] {
  const near = new Uint8Array(rows.length);
  rows.forEach((row, i) => {
    if (!row.same) near.fill(1, Math.max(0, i - around), i + around + 1);
  });
  const blocks: Block[] = [];
  let from = 0;
  while (from < rows.length) {
    let to = from + 1;
    while (to < rows.length && near[to] === near[from]) to += 1;
    blocks.push({ kind: near[from] ? "rows" : "fold", rows: rows.slice(from, to), from });
    from = to;
  }
  return blocks;
}
