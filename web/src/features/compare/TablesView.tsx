/** Tables that runs logged under one name, joined by a column: what each run says about the same row. */
import { useQueries } from "@tanstack/react-query";
import { Fragment, useMemo, useState } from "react";
import { post } from "@/api/client";
import { Button } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Check, cellText, Name, RunLink, Scroll } from "./Choices";
import type { ViewProps } from "./Compare";
import styles from "./Compare.module.css";
import { commonPaths, TABLE_FILE, useFiles } from "./files";
import type { ComparedRun } from "./frame";
import { type Joined, joinTables, type Order, ordered } from "./joined";
import { messages } from "./messages";
import { useCompareState } from "./state";
import { sameValue } from "./values";

/** Runs whose files are listed, and runs whose tables are joined. */
const MAX_LISTED = 100;
const MAX_RUNS = 8;
const READ = 1_000;
const SHOWN = 200;
/** Stands for joining by the row's number; no column is called so, as names have no line breaks. */
const BY_NUMBER = "\n";

export function TablesView({ runs }: ViewProps) {
  const { compare, setCompare } = useCompareState();
  const listed = useMemo(() => runs.slice(0, MAX_LISTED), [runs]);
  const files = useFiles(listed.map((run) => run.id));
  const paths = commonPaths(files.lists, TABLE_FILE);
  const path = compare.table ?? paths[0];
  const having = listed.filter((_, i) => path && files.lists[i]?.paths.includes(path));
  const shown = having.slice(0, MAX_RUNS);
  const queries = useQueries({
    queries: shown.map((run) => ({
      queryKey: ["compare", "table", run.id, path],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        post("/api/assay/v1/files/table", { run_id: run.id, path: path ?? "", limit: READ }, signal),
      staleTime: 30_000,
      retry: false,
    })),
    combine: (results) => ({
      pages: results.map((result) => result.data),
      pending: results.some((result) => result.isLoading),
      error: results.find((result) => result.isError)?.error,
      retry: () => {
        for (const result of results) if (result.isError) result.refetch();
      },
    }),
  });
  const pages = queries.pages;
  const columns = [...new Set(pages.flatMap((page) => page?.columns.map((column) => column.name) ?? []))];
  const key = compare.key ?? columns.find((name) => /(^|_)(id|key|name|index)$/i.test(name)) ?? BY_NUMBER;
  const joined = useMemo(
    () =>
      joinTables(
        pages.map((page) =>
          page ? { columns: page.columns.map((one) => one.name), rows: page.rows } : null,
        ),
        key === BY_NUMBER ? null : key,
      ),
    [pages, key],
  );
  if (files.error && !paths.length) return <ErrorNotice error={files.error} retry={files.retry} />;
  if (files.waiting) return <Skeleton height={360} />;
  if (!path) {
    return (
      <Notice title={messages.noTables}>
        <code>{messages.noTablesHint}</code>
      </Notice>
    );
  }
  const isCut = pages.some((page) => page && (page.total ?? 0) > READ);
  return (
    <>
      <div className={styles.bar}>
        <SelectField
          label={messages.table}
          className={styles.select}
          value={path}
          onChange={(event) => setCompare({ table: event.target.value, key: undefined })}
        >
          {!paths.includes(path) && <option value={path}>{path.slice(0, 300)}</option>}
          {paths.map((one) => (
            <option key={one} value={one}>
              {one.slice(0, 300)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={messages.joinKey}
          className={styles.select}
          value={key}
          onChange={(event) => setCompare({ key: event.target.value })}
        >
          <option value={BY_NUMBER}>{messages.rowNumber}</option>
          {columns.map((one) => (
            <option key={one} value={one}>
              {one.slice(0, 200)}
            </option>
          ))}
        </SelectField>
      </div>
      {queries.error ? <ErrorNotice error={queries.error} retry={queries.retry} /> : null}
      {isCut && <p className={styles.note}>{messages.joinCut(READ)}</p>}
      {runs.length > shown.length && (
        <p className={styles.note}>{messages.tablesOf(shown.length, having.length, listed.length)}</p>
      )}
      {joined.repeated > 0 && <p className={styles.note}>{messages.duplicates(joined.repeated)}</p>}
      {queries.pending ? (
        <Skeleton height={300} />
      ) : (
        <JoinedTable
          key={`${path}\n${key}`}
          joined={joined}
          runs={shown}
          name={key === BY_NUMBER ? messages.rowNumber : key}
        />
      )}
    </>
  );
}

function JoinedTable({ joined, runs, name }: { joined: Joined; runs: ComparedRun[]; name: string }) {
  const { compare, setCompare } = useCompareState();
  const [order, setOrder] = useState<Order | null>(null);
  const [typed, setTyped] = useState("");
  const [most, setMost] = useState(SHOWN);
  const rows = useMemo(() => {
    const wanted = typed.trim().toLowerCase();
    const found = joined.rows.filter(
      (row) =>
        (compare.all || row.differs || runs.length < 2) &&
        (!wanted ||
          row.key.toLowerCase().includes(wanted) ||
          row.cells.some((cells) =>
            [...(cells?.values() ?? [])].some((cell) =>
              String(cell ?? "")
                .toLowerCase()
                .includes(wanted),
            ),
          )),
    );
    return order ? ordered(found, order) : found;
  }, [joined, typed, order, compare.all, runs.length]);
  const sortBy = (column?: string, run?: number) => {
    const isSame = order?.column === column && order?.run === run;
    setOrder({ column, run, descending: isSame ? !order?.descending : false });
  };
  const sorted = (column?: string, run?: number) =>
    order && order.column === column && order.run === run
      ? order.descending
        ? ("descending" as const)
        : ("ascending" as const)
      : undefined;
  return (
    <>
      <div className={styles.bar}>
        <Check
          label={messages.onlyDifferent}
          checked={!compare.all}
          onChange={(on) => setCompare({ all: on ? undefined : true })}
        />
        <TextField
          label={messages.search}
          type="search"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <span className={styles.note} role="status">
          {messages.joinShown(rows.length, joined.rows.length)}
        </span>
      </div>
      <Scroll label={messages.views.tables} tall>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col" aria-sort={sorted()}>
                <Button kind="quiet" onClick={() => sortBy()}>
                  <Name text={name} />
                </Button>
              </th>
              {joined.columns.map((column) =>
                runs.map((run, i) => (
                  <th key={`${column}\n${run.id}`} scope="col" aria-sort={sorted(column, i)}>
                    <Button kind="quiet" onClick={() => sortBy(column, i)}>
                      <Name text={column} />
                    </Button>
                    <br />
                    <RunLink id={run.id} name={run.name} />
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((row) => (
              <tr key={row.key}>
                <th scope="row">
                  <Name text={row.key} />
                </th>
                {joined.columns.map((column) => {
                  const base = row.cells[0]?.get(column) ?? null;
                  return (
                    <Fragment key={column}>
                      {runs.map((run, i) => {
                        const cell = row.cells[i]?.get(column) ?? null;
                        const changed = i > 0 && row.cells[0] && row.cells[i] && !sameValue(cell, base);
                        return (
                          <td
                            key={run.id}
                            data-base={i === 0 || undefined}
                            data-changed={changed || undefined}
                            title={cell === null ? undefined : String(cell).slice(0, 1_000)}
                          >
                            {changed && (
                              <span className={styles.mark}>
                                <span aria-hidden="true">≠</span>
                                <span className="visually-hidden">{messages.differs}: </span>
                              </span>
                            )}
                            {row.cells[i] ? (
                              <bdi>{cellText(cell).slice(0, 300)}</bdi>
                            ) : (
                              <span className={styles.missing}>{messages.none}</span>
                            )}
                          </td>
                        );
                      })}
                    </Fragment>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {rows.length > most && (
        <Button onClick={() => setMost(most + SHOWN)}>
          {messages.moreRows(Math.min(SHOWN, rows.length - most))}
        </Button>
      )}
    </>
  );
}
