/** Reads the list of packages that was captured with a run: a requirements file of exact pins. */

export interface Package {
  name: string;
  version: string;
  /** Where it came from, if not from an index. */
  note: string;
}

export function readRequirements(text: string): { python: string; packages: Package[] } {
  let python = "";
  const packages: Package[] = [];
  for (const line of text.split("\n")) {
    const interpreter = line.match(/^# Python (\S+)/);
    if (interpreter) python = interpreter[1] as string;
    const pinned = line.match(/^([A-Za-z0-9._-]+)==([^\s#]+)(?:\s+#\s*(.*))?$/);
    const placed = line.match(/^([A-Za-z0-9._-]+)\s+@\s+(\S+)/);
    if (pinned)
      packages.push({ name: pinned[1] as string, version: pinned[2] as string, note: pinned[3] ?? "" });
    else if (placed) packages.push({ name: placed[1] as string, version: "", note: placed[2] as string });
  }
  return { python, packages };
}
