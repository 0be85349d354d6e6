/** What the page knows of a run: the facts that every row has, and the cells that were asked for. */
import { type JsonNumber, toNumber } from "@/api/client";
import type { Rows } from "@/features/experiment/data";

export type Cell = number | string | null;

export interface RunRecord {
  id: string;
  name: string;
  experimentId: string;
  status: string;
  startTime: number | null;
  endTime: number | null;
  user: string;
  stage: string;
  parent: string | null;
  children: number;
  /** By column id. Absent: not asked yet. */
  cells: Record<string, Cell>;
}

export interface GroupRecord {
  id: string;
  key: (string | null)[];
  runs: number;
  /** By the id of a metric's column. */
  figures: Record<string, Figures>;
}

export interface Figures {
  count: number;
  mean: number | null;
  sd: number | null;
  min: number | null;
  max: number | null;
}

const SPECIAL = new Set(["NaN", "Infinity", "-Infinity"]);

/** A cell as JSON brought it; figures that JSON has no number for come as words. */
export function toCell(id: string, value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return value;
  const text = String(value);
  return (id.startsWith("m") || id.startsWith("a:")) && SPECIAL.has(text)
    ? toNumber(text as JsonNumber)
    : text;
}

/** The records of a window, with the cells of `ids` in the order that they were asked for. */
export function readRows(answer: Rows, ids: string[]): RunRecord[] {
  const { runs, columns } = answer;
  return runs.run_id.map((id, i) => {
    const cells: Record<string, Cell> = {};
    for (let c = 0; c < ids.length; c++) {
      const column = ids[c] as string;
      cells[column] = toCell(column, columns[c]?.[i]);
    }
    return {
      id,
      name: runs.run_name[i] ?? "",
      experimentId: runs.experiment_id[i] ?? "",
      status: runs.status[i] ?? "",
      startTime: runs.start_time[i] ?? null,
      endTime: runs.end_time[i] ?? null,
      user: runs.user_id[i] ?? "",
      stage: runs.lifecycle_stage[i] ?? "active",
      parent: runs.parent[i] ?? null,
      children: runs.children[i] ?? 0,
      cells,
    };
  });
}

/** How long a run took, or has been running until `now`. */
export function durationOf(run: RunRecord, now: number): number | null {
  if (run.startTime === null) return null;
  if (run.endTime !== null) return Math.max(0, run.endTime - run.startTime);
  return run.status === "RUNNING" ? Math.max(0, now - run.startTime) : null;
}

/** The value of any column. */
export function cellOf(run: RunRecord, id: string, now: number): Cell | undefined {
  switch (id) {
    case "a:run_name":
      return run.name;
    case "a:status":
      return run.status;
    case "a:start_time":
      return run.startTime;
    case "a:end_time":
      return run.endTime;
    case "a:duration":
      return durationOf(run, now);
    case "a:user_id":
      return run.user;
    case "a:run_id":
      return run.id;
    default:
      return run.cells[id];
  }
}
