/** Folders of experiments: names with slashes, shown as a tree. */
import type { Overview } from "./data";

export interface Folder {
  kind: "folder";
  /** The whole path, `vision/digits`. */
  path: string;
  name: string;
  depth: number;
  count: number;
}

export interface Leaf {
  kind: "experiment";
  overview: Overview;
  name: string;
  depth: number;
}

export type Sort = "updated" | "created" | "name" | "runs";

export function runCount(overview: Overview): number {
  return Object.values(overview.runs).reduce((sum: number, count) => sum + (count as number), 0);
}

const natural = new Intl.Collator(undefined, { numeric: true });

function compare(sort: Sort, a: Overview, b: Overview): number {
  if (sort === "name") return natural.compare(a.experiment.name, b.experiment.name);
  if (sort === "runs") return runCount(b) - runCount(a);
  const key = sort === "created" ? "creation_time" : "last_update_time";
  return (b.experiment[key] ?? 0) - (a.experiment[key] ?? 0);
}

/** Parts of a name that are folders; a slash at an end or doubled is part of the name. */
export function foldersOf(name: string): string[] {
  const parts = name.split("/");
  return parts.length > 1 && parts.every((part) => part.trim() !== "") ? parts.slice(0, -1) : [];
}

/** The lines of the tree: a folder stands where its best experiment would, its content below unless folded. */
export function lines(overviews: Overview[], sort: Sort, folded: ReadonlySet<string>): (Folder | Leaf)[] {
  const sorted = [...overviews].sort((a, b) => compare(sort, a, b));
  const inside = new Map<string, Overview[]>();
  for (const one of sorted) {
    const folders = foldersOf(one.experiment.name);
    folders.forEach((_, i) => {
      const path = folders.slice(0, i + 1).join("/");
      inside.set(path, [...(inside.get(path) ?? []), one]);
    });
  }
  const result: (Folder | Leaf)[] = [];
  const place = (members: Overview[], path: string, depth: number) => {
    const done = new Set<string>();
    for (const one of members) {
      const folders = foldersOf(one.experiment.name);
      const name = folders[depth];
      if (name === undefined) {
        const shown = depth ? one.experiment.name.slice(path.length + 1) : one.experiment.name;
        result.push({ kind: "experiment", overview: one, name: shown, depth });
        continue;
      }
      const inner = path ? `${path}/${name}` : name;
      if (done.has(inner)) continue;
      done.add(inner);
      const content = inside.get(inner) ?? [];
      result.push({ kind: "folder", path: inner, name, depth, count: content.length });
      if (!folded.has(inner)) place(content, inner, depth + 1);
    }
  };
  place(sorted, "", 0);
  return result;
}
