/** Pictures that `log_image(key=…, step=…)` wrote: which of a folder belong together, in their order. */
import type { Entry } from "./place";

/** `images/<key>+step+<n>+timestamp+<ms>+<id>.png`; MLflow wrote `%` where newer clients write `+`. */
const NAME =
  /^(.*\/)?([^/]+?)[+%]step[+%](\d+)[+%]timestamp[+%](\d+)[+%]([0-9a-f-]+)(%compressed|\+compressed)?\.(\w+)$/;

export interface SeriesImage {
  path: string;
  folder: string;
  key: string;
  step: number;
  timestamp: number;
  compressed: boolean;
}

export function seriesImage(path: string): SeriesImage | null {
  const found = path.match(NAME);
  if (!found) return null;
  return {
    path,
    folder: (found[1] ?? "").replace(/\/$/, ""),
    key: found[2] as string,
    step: Number(found[3]),
    timestamp: Number(found[4]),
    compressed: found[6] !== undefined,
  };
}

/** The pictures of the same key, one per step (the last logged), full size and compressed ones apart. */
export function seriesOf(image: SeriesImage, entries: Entry[]): SeriesImage[] {
  const bySteps = new Map<number, SeriesImage>();
  for (const entry of entries) {
    const other = entry.is_dir ? null : seriesImage(entry.path);
    if (!other || other.key !== image.key || other.compressed !== image.compressed) continue;
    const before = bySteps.get(other.step);
    if (!before || before.timestamp <= other.timestamp) bySteps.set(other.step, other);
  }
  return [...bySteps.values()].sort((one, next) => one.step - next.step);
}
