/** Columns of the run table, and their short names in the address. */
import type { BodyOf } from "@/api/client";

/** Figures that the server keeps of each metric. */
export type KeptStat = "last" | "min" | "max" | "mean" | "first" | "count";
/** Figures that are read from the points, and take a number: how many of the last, or which step. */
export type PointStat = "mean_last" | "at_step";
export type Stat = KeptStat | PointStat;
export type Column = Exclude<NonNullable<BodyOf<"/api/assay/v1/runs/rows">["columns"]>, string>[number];

const LETTERS = { m: "metric", p: "param", t: "tag", a: "attribute" } as const;
const KINDS = { metric: "m", param: "p", tag: "t", attribute: "a" } as const;
export const KEPT_STATS: KeptStat[] = ["last", "min", "max", "mean", "first", "count"];
/** The numbers that the others take. */
export const POINT_STATS: Record<PointStat, { least: number; most: number; usual: number }> = {
  mean_last: { least: 1, most: 10_000, usual: 10 },
  at_step: { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER, usual: 1_000 },
};

/** Such figures that the server tells of groups at once. */
export const MOST_POINT_FIGURES = 8;

export function isPointStat(stat: string | undefined): stat is PointStat {
  return stat !== undefined && Object.hasOwn(POINT_STATS, stat);
}

/** Whether there is such a figure with such a number. */
function isFigure(stat: string, of: number | undefined): boolean {
  if (!isPointStat(stat)) return of === undefined && KEPT_STATS.includes(stat as KeptStat);
  const { least, most } = POINT_STATS[stat];
  return of !== undefined && Number.isSafeInteger(of) && of >= least && of <= most;
}

/** The figure of a metric behind its key, with what stands before its number; nothing for the usual one. */
function figure(column: Column, before: string): string {
  if (column.kind !== "metric" || !column.stat || column.stat === "last") return "";
  const of = column.of === undefined || column.of === null ? "" : `${before}${column.of}`;
  return `.${column.stat}${of}`;
}

/**
 * `m:loss` is a metric's last value, `m.min:loss` its least, `m.at_step.100:loss` that of step 100; `p:`, `t:` and `a:`
 * are params, tags, attributes.
 */
export function columnId(column: Column): string {
  return `${KINDS[column.kind as keyof typeof KINDS]}${figure(column, ".")}:${column.key}`;
}

/** The column of a short name; null if it is none. */
export function parseColumn(id: string): Column | null {
  const found = id.match(/^([mpta])(?:\.([a-z_]+)(?:\.(-?\d{1,16}))?)?:([\s\S]+)$/);
  if (!found) return null;
  const kind = LETTERS[found[1] as keyof typeof LETTERS];
  const stat = (found[2] ?? "last") as Stat;
  const of = found[3] === undefined ? undefined : Number(found[3]);
  if (!isFigure(stat, of) || (kind !== "metric" && found[2])) return null;
  const key = found[4] as string;
  return of === undefined ? { kind, key, stat } : { kind, key, stat, of };
}

/** How a column is written in the filter and order language. */
export function columnTerm(column: Column): string {
  if (column.kind === "attribute") return `attributes.${column.key}`;
  return `${column.kind}s.\`${column.key.replaceAll("`", "``")}\`${figure(column, ":")}`;
}

/** What a file calls a column, and the row as JSON. */
export function columnName(column: Column): string {
  return column.kind === "attribute" ? column.key : `${column.kind}s.${column.key}${figure(column, ":")}`;
}

/** A text as a value of the filter language. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
