/** Files of the runs that are compared: what there is, and their texts. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ApiError, get } from "@/api/client";
import { hasFile } from "@/features/files/place";
import { messages } from "./messages";

const MAX_PAGES = 3;
const COLLATOR = new Intl.Collator(undefined, { numeric: true });

export const TEXT_FILE =
  /\.(ya?ml|json|jsonl|toml|ini|cfg|conf|env|properties|txt|md|rst|csv|tsv|py|sh|sql|xml|html?|css|js|ts|log|patch|diff|lock|gin|hcl|r|jl|ipynb)$|(^|\/)(MLmodel|Dockerfile|Makefile)$/i;
export const IMAGE_FILE = /\.(png|jpe?g|gif|webp|avif|bmp)$/i;
export const TABLE_FILE = /\.(csv|tsv|parquet|pq|jsonl|ndjson|json)$/i;

interface RunFiles {
  paths: string[];
  cut: boolean;
}

async function listFiles(runId: string, signal: AbortSignal): Promise<RunFiles> {
  const paths: string[] = [];
  let token: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    // Every name with an ending holds a dot, and searching is what walks the whole tree.
    const query: { run_id: string; search: string; page_token?: string } = { run_id: runId, search: "." };
    if (token) query.page_token = token;
    const found = await get("/api/assay/v1/files/list", query, signal);
    paths.push(...found.entries.flatMap((entry) => (entry.is_dir ? [] : [entry.path])));
    token = found.token;
    if (!token) return { paths, cut: found.truncated };
  }
  return { paths, cut: true };
}

/** The files of each run, in the order of the runs; undefined while they are read. */
export function useFiles(runIds: readonly string[]) {
  const queries = useQueries({
    queries: runIds.map((id) => ({
      queryKey: ["compare", "files", id],
      queryFn: ({ signal }: { signal: AbortSignal }) => listFiles(id, signal),
      staleTime: 30_000,
    })),
  });
  return {
    lists: queries.map((query) => query.data),
    error: queries.find((query) => query.isError)?.error,
    waiting: queries.some((query) => query.isPending),
    retry: () => {
      for (const query of queries) if (query.isError) query.refetch();
    },
  };
}

/** Paths that some of the runs have, those that most have first. */
export function commonPaths(lists: readonly (RunFiles | undefined)[], kind: RegExp): string[] {
  const counts = new Map<string, number>();
  for (const list of lists) {
    for (const path of list?.paths ?? []) if (kind.test(path)) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || COLLATOR.compare(a[0], b[0])).map(([path]) => path);
}

/** A text file of the first of some runs that has it; null where none has. */
export async function readText(
  runIds: readonly string[],
  path: string,
  signal: AbortSignal,
): Promise<TextFile | null> {
  for (const id of runIds) {
    try {
      if (!(await hasFile({ run_id: id }, path, signal))) continue;
      const found = await get("/api/assay/v1/files/text", { run_id: id, path }, signal);
      return { text: found.text, cut: found.end < found.size, binary: found.binary };
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  return null;
}

export interface TextFile {
  text: string;
  /** Bytes beyond what was read. */
  cut: boolean;
  binary: boolean;
}

/** A text file of a run, or of one of the others that it is looked for in; null where none has it. */
export function useText(runIds: readonly string[], path: string | undefined) {
  return useQuery({
    queryKey: ["compare", "text", runIds, path],
    queryFn: ({ signal }) => readText(runIds, path ?? "", signal),
    enabled: Boolean(path),
    staleTime: 30_000,
  });
}

/** A patch in its files, by their paths. */
export function patchFiles(patch: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const part of patch.split(/^(?=diff --git )/m)) {
    if (!part.trim()) continue;
    const head = /^diff --git (?:"?a\/.*?"? )"?b\/(.*?)"?\r?$/m.exec(part);
    // What git says about the blobs differs with every edit and tells a reader nothing.
    const body = part.replace(/^diff --git .*\r?\n/, "").replace(/^index .*\r?\n/m, "");
    files.set(head?.[1] ?? messages.patch, body);
  }
  return files;
}

/** Memoised lines; an empty text has none. */
export function useLines(text: string): string[] {
  return useMemo(() => (text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/)), [text]);
}
