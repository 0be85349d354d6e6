/** Tables of several runs joined by a column, so that equal keys stand in one row. Pure. */
import { type Cell, numberOf, sameValue } from "./values";

export interface RunTable {
  columns: string[];
  rows: unknown[][];
}

export interface JoinedRow {
  key: string;
  /** Cells of each run's row by column; null where the run has no such row. */
  cells: (Map<string, Cell> | null)[];
  differs: boolean;
}

export interface Joined {
  columns: string[];
  rows: JoinedRow[];
  /** Rows left out because their key came before. */
  repeated: number;
}

const collator = new Intl.Collator(undefined, { numeric: true });

function plain(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "string") return value;
  return JSON.stringify(value);
}

/** Join by a column's value, or by the row's number where `key` is null. A table that failed is null. */
export function joinTables(tables: readonly (RunTable | null)[], key: string | null): Joined {
  const columns = [...new Set(tables.flatMap((table) => table?.columns ?? []))].filter(
    (name) => name !== key,
  );
  const rows = new Map<string, (Map<string, Cell> | null)[]>();
  let repeated = 0;
  tables.forEach((table, t) => {
    if (!table) return;
    const at = key === null ? -1 : table.columns.indexOf(key);
    if (key !== null && at < 0) return;
    table.rows.forEach((row, number) => {
      const name = at < 0 ? String(number + 1) : String(plain(row[at]) ?? "");
      const found = rows.get(name) ?? tables.map(() => null);
      rows.set(name, found);
      if (found[t]) repeated += 1;
      else found[t] = new Map(table.columns.map((column, c) => [column, plain(row[c])]));
    });
  });
  const known = tables.flatMap((table, t) => (table ? [t] : []));
  return {
    columns,
    repeated,
    rows: [...rows].map(([name, cells]) => ({
      key: name,
      cells,
      differs: columns.some((column) => {
        const first = cells[known[0] ?? 0]?.get(column) ?? null;
        return known.some((t) => !sameValue(cells[t]?.get(column) ?? null, first));
      }),
    })),
  };
}

export interface Order {
  /** Which column of which run; the key where left out. */
  column?: string;
  run?: number;
  descending: boolean;
}

/** Rows in an order: numbers by size, before texts; what is missing last in both directions. */
export function ordered(rows: readonly JoinedRow[], order: Order): JoinedRow[] {
  const value = (row: JoinedRow): Cell =>
    order.column === undefined ? row.key : (row.cells[order.run ?? 0]?.get(order.column) ?? null);
  const sign = order.descending ? -1 : 1;
  return [...rows].sort((one, two) => {
    const [a, b] = [value(one), value(two)];
    if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
    const [x, y] = [numberOf(a), numberOf(b)];
    if (x !== null && y !== null) return sign * (x - y) || 0;
    if (x !== null || y !== null) return x !== null ? -1 : 1;
    return sign * collator.compare(String(a), String(b));
  });
}
