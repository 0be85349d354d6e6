/** Which pictures of runs belong together: by the key they were logged with, else by their path. Pure. */
import { seriesImage } from "@/features/files/imageSeries";
import { IMAGE_FILE } from "./files";

export interface Picture {
  step: number;
  /** Full size, and a small copy where there is one. */
  path: string;
  small: string;
}

export type Pictures = Map<string, Picture[]>;

interface Found {
  step: number;
  timestamp: number;
  path: string | null;
  small: string | null;
}

/** Pictures by key, each in the order of its steps; of several at one step the last logged. */
export function picturesOf(paths: readonly string[]): Pictures {
  const keys = new Map<string, Map<number, Found>>();
  const put = (key: string, found: Found) => {
    const steps = keys.get(key) ?? new Map<number, Found>();
    keys.set(key, steps);
    const before = steps.get(found.step);
    if (!before || before.timestamp < found.timestamp) steps.set(found.step, found);
    else if (before.timestamp === found.timestamp) {
      before.path ??= found.path;
      before.small ??= found.small;
    }
  };
  for (const path of paths) {
    if (!IMAGE_FILE.test(path)) continue;
    const series = seriesImage(path);
    if (!series) {
      put(path, { step: 0, timestamp: 0, path, small: null });
      continue;
    }
    const place = { step: series.step, timestamp: series.timestamp };
    // In file names a slash of the key is a tilde.
    const key = series.key.replaceAll("~", "/");
    put(key, series.compressed ? { ...place, path: null, small: path } : { ...place, path, small: null });
  }
  return new Map(
    [...keys].map(([key, steps]) => [
      key,
      [...steps.values()]
        .sort((a, b) => a.step - b.step)
        .flatMap(({ step, path, small }): Picture[] => {
          const any = path ?? small;
          return any ? [{ step, path: any, small: small ?? any }] : [];
        }),
    ]),
  );
}

/** The latest picture up to a step. */
export function upTo(pictures: readonly Picture[] | undefined, step: number): Picture | null {
  return pictures?.findLast((one) => one.step <= step) ?? null;
}
