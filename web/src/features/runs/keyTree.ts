/** Keys as a tree by their prefixes: `train/loss` and `train/acc` under `train/`. Pure. */
export interface KeyNode {
  /** What stands before, with the last slash; empty for the root. */
  prefix: string;
  label: string;
  folders: KeyNode[];
  /** Columns that stand here. */
  leaves: { id: string; label: string }[];
  /** All columns here and below. */
  ids: string[];
}

export interface KeyEntry {
  id: string;
  key: string;
}

function natural(one: string, other: string): number {
  return one.localeCompare(other, undefined, { numeric: true });
}

export function keyTree(entries: KeyEntry[], prefix = "", label = ""): KeyNode {
  const below = new Map<string, KeyEntry[]>();
  const leaves: KeyNode["leaves"] = [];
  for (const entry of entries) {
    const rest = entry.key.slice(prefix.length);
    const slash = rest.indexOf("/");
    if (slash > 0 && slash < rest.length - 1) {
      const name = rest.slice(0, slash + 1);
      const list = below.get(name);
      if (list) list.push(entry);
      else below.set(name, [entry]);
    } else leaves.push({ id: entry.id, label: rest });
  }
  const folders: KeyNode[] = [];
  for (const [name, list] of below) {
    const only = list.length === 1 ? list[0] : undefined;
    // A folder with one thing in it says no more than the thing itself.
    if (only) leaves.push({ id: only.id, label: only.key.slice(prefix.length) });
    else folders.push(keyTree(list, prefix + name, name));
  }
  folders.sort((one, other) => natural(one.label, other.label));
  leaves.sort((one, other) => natural(one.label, other.label));
  return { prefix, label, folders, leaves, ids: entries.map((one) => one.id) };
}

/** Whether all, some or none of some columns are shown. */
export function shareShown(ids: string[], shown: ReadonlySet<string>): "all" | "some" | "none" {
  const count = ids.reduce((sum, id) => sum + (shown.has(id) ? 1 : 0), 0);
  return count === 0 ? "none" : count === ids.length ? "all" : "some";
}
