/** What is known about some runs, gathered for the differences: columns, data sets, packages. */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { post, toNumber } from "@/api/client";
import type { Column, Stat } from "@/features/experiment/columns";
import { type Keys, keysQuery } from "@/features/experiment/data";
import { type Fact, factOf, packageFacts, packagesOf, tagSection } from "./differences";
import { readText } from "./files";
import { type ComparedRun, onlyRuns } from "./frame";
import type { Cell } from "./values";

const MAX_ROWS_COLUMNS = 1_000;
/** Columns looked at in all: beyond, only those that most runs have. */
const MAX_COLUMNS = 4_000;
const MAX_DATASETS = 30;
const REQUIREMENTS = "assay/requirements.txt";
const ATTRIBUTES = ["status", "user_id", "duration"];

function columnsOf(keys: Keys, stat: Stat, all: boolean): Column[] {
  const wanted = (facets: Keys["params"]) => facets.filter((one) => all || one.varies);
  return [
    ...ATTRIBUTES.map((key): Column => ({ kind: "attribute", key, stat: "last" })),
    ...wanted(keys.params).map((one): Column => ({ kind: "param", key: one.key, stat: "last" })),
    ...wanted(keys.metrics).map((one): Column => ({ kind: "metric", key: one.key, stat })),
    ...wanted(keys.tags).flatMap((one): Column[] =>
      tagSection(one.key) ? [{ kind: "tag", key: one.key, stat: "last" }] : [],
    ),
  ].slice(0, MAX_COLUMNS);
}

interface Read {
  ids: string[];
  columns: Column[];
  cells: Cell[][];
}

async function readCells(
  experimentIds: string[],
  ids: string[],
  columns: Column[],
  signal: AbortSignal,
): Promise<Read> {
  const cells: Cell[][] = [];
  for (let from = 0; from < columns.length; from += MAX_ROWS_COLUMNS) {
    const some = columns.slice(from, from + MAX_ROWS_COLUMNS);
    const found = await post(
      "/api/assay/v1/runs/rows",
      { experiment_ids: experimentIds, run_ids: ids, columns: some, limit: ids.length },
      signal,
    );
    const places = new Map((found.runs.run_id as string[]).map((id, i) => [id, i]));
    for (const column of found.columns) {
      cells.push(ids.map((id) => (column[places.get(id) ?? -1] ?? null) as Cell));
    }
  }
  return { ids, columns, cells };
}

/** Which of the runs used which data set: asked by data set, as there are few of them. */
async function readDatasets(
  experimentIds: string[],
  ids: string[],
  datasets: Keys["datasets"],
  signal: AbortSignal,
): Promise<Fact[]> {
  const by = ["name", "digest"].map((key): Column => ({ kind: "dataset", key, stat: "last" }));
  const users = await Promise.all(
    datasets.slice(0, MAX_DATASETS).map(({ name, digest }) =>
      post(
        "/api/assay/v1/runs/rows",
        {
          experiment_ids: experimentIds,
          filter: onlyRuns(ids),
          view: "ALL",
          limit: ids.length,
          columns: [],
          group: { by, key: [name, digest] },
        },
        signal,
      ).then((found) => ({ name, digest, runs: new Set(found.runs.run_id as string[]) })),
    ),
  );
  const names = [...new Set(users.map((one) => one.name))];
  return names.map((name) =>
    factOf(
      "data",
      name,
      ids.map((id) => {
        const digests = users.filter((one) => one.name === name && one.runs.has(id)).map((one) => one.digest);
        return digests.length ? digests.sort().join(", ") : null;
      }),
    ),
  );
}

/** The packages a run had; nested runs leave the list to the run around them. Null: there is none. */
async function readPackages(run: ComparedRun, signal: AbortSignal): Promise<[string, string][] | null> {
  const found = await readText(run.parent ? [run.id, run.parent] : [run.id], REQUIREMENTS, signal);
  return found && [...packagesOf(found.text)];
}

export function usePackages(runs: readonly ComparedRun[]) {
  const queries = useQueries({
    queries: runs.map((run) => ({
      queryKey: ["compare", "packages", run.id, run.parent],
      queryFn: ({ signal }: { signal: AbortSignal }) => readPackages(run, signal),
      // What a finished run was started with does not change any more.
      staleTime: run.status === "RUNNING" ? 30_000 : Number.POSITIVE_INFINITY,
    })),
  });
  const lists = queries.map((query) => (query.data ? new Map(query.data) : null));
  return {
    lists,
    waiting: queries.some((query) => query.isPending && !query.isError),
    failed: queries.filter((query) => query.isError).length,
    lacking: queries.filter((query) => query.data === null).length,
  };
}

/** All that is known about `shown`, of the keys that vary over `compared` (or all keys). */
export function useFacts(
  experimentIds: string[],
  compared: readonly ComparedRun[],
  shown: readonly ComparedRun[],
  options: { stat: Stat; all: boolean },
) {
  const ids = shown.map((run) => run.id);
  const keys = useQuery(keysQuery(experimentIds, onlyRuns(compared.map((run) => run.id)), "ALL"));
  const columns = useMemo(
    () => (keys.data ? columnsOf(keys.data, options.stat, options.all) : null),
    [keys.data, options.stat, options.all],
  );
  const cells = useQuery({
    queryKey: ["compare", "cells", experimentIds, ids, columns],
    queryFn: ({ signal }) => readCells(experimentIds, ids, columns ?? [], signal),
    enabled: columns !== null,
    placeholderData: keepPreviousData,
  });
  const datasets = useQuery({
    queryKey: ["compare", "datasets", experimentIds, ids, keys.data?.datasets],
    queryFn: ({ signal }) => readDatasets(experimentIds, ids, keys.data?.datasets ?? [], signal),
    enabled: Boolean(keys.data?.datasets.length),
  });
  const packages = usePackages(shown);
  const facts = useMemo((): Fact[] | undefined => {
    const read = cells.data;
    if (!read || read.ids.join() !== ids.join()) return undefined;
    const found = read.columns.flatMap((column, c): Fact[] => {
      const values = read.cells[c] ?? [];
      if (column.kind === "tag") {
        const section = tagSection(column.key);
        return section ? [factOf(section, column.key, values)] : [];
      }
      if (column.kind === "metric")
        return [
          factOf(
            "metrics",
            column.key,
            values.map((one) => toNumber(one)),
          ),
        ];
      return [factOf(column.kind === "param" ? "params" : "run", column.key, values)];
    });
    return [...found, ...(datasets.data ?? []), ...packageFacts(packages.lists)];
  }, [cells.data, datasets.data, packages.lists, ids]);
  return { facts, keys, cells, datasets, packages };
}
