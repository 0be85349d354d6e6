/** Tables that runs logged under one name, joined by a column: what each run says about the same row. */
import { useCallback, useMemo, useState } from "react";
import { SelectField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import type { ViewProps } from "./Compare";
import styles from "./Compare.module.css";
import { commonPaths, TABLE_FILE, useFiles } from "./files";
import { JoinedTable } from "./JoinedTable";
import { messages } from "./messages";
import { useCompareState } from "./state";
import type { JoinedPage } from "./useJoined";

/** Runs whose files are listed, and runs whose tables are joined. */
const MAX_LISTED = 100;
const MAX_RUNS = 8;
/** Stands for joining by the row's number; no column is called so, as names have no line breaks. */
const BY_NUMBER = "\n";

const sets = new WeakMap<string[], ReadonlySet<string>>();

/** A list of paths to look up in: made once, however often the page is drawn. */
function setOf(paths: string[]): ReadonlySet<string> {
  const known = sets.get(paths) ?? new Set(paths);
  sets.set(paths, known);
  return known;
}

export function TablesView({ runs }: ViewProps) {
  const { compare, setCompare } = useCompareState();
  const listed = useMemo(() => runs.slice(0, MAX_LISTED), [runs]);
  const files = useFiles(listed.map((run) => run.id));
  const [head, setHead] = useState<JoinedPage | null>(null);
  const onHead = useCallback((page: JoinedPage) => setHead(page), []);
  const options = commonPaths(files.lists, TABLE_FILE);
  const path = compare.table ?? options[0];
  const having = listed.flatMap((run, i) => {
    const paths = files.lists[i]?.paths;
    return path && paths?.includes(path) ? [{ run, paths }] : [];
  });
  const shown = having.slice(0, MAX_RUNS);
  const columns = head?.columns.map((column) => column.name) ?? [];
  const key = compare.key ?? (head ? (head.key ?? BY_NUMBER) : "");
  if (files.error && !options.length) return <ErrorNotice error={files.error} retry={files.retry} />;
  if (files.waiting) return <Skeleton height={360} />;
  if (!path) {
    return (
      <Notice title={messages.noTables}>
        <code>{messages.noTablesHint}</code>
      </Notice>
    );
  }
  return (
    <>
      <div className={styles.bar}>
        <SelectField
          label={messages.table}
          className={styles.select}
          value={path}
          onChange={(event) => setCompare({ table: event.target.value, key: undefined })}
        >
          {!options.includes(path) && <option value={path}>{path.slice(0, 300)}</option>}
          {options.map((one) => (
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
          {key !== BY_NUMBER && !columns.includes(key) && <option value={key}>{key.slice(0, 200)}</option>}
          {columns.map((one) => (
            <option key={one} value={one}>
              {one.slice(0, 200)}
            </option>
          ))}
        </SelectField>
      </div>
      {runs.length > shown.length && (
        <p className={styles.note}>{messages.tablesOf(shown.length, having.length, listed.length)}</p>
      )}
      <JoinedTable
        key={`${path}\n${compare.key}`}
        path={path}
        joinKey={compare.key === BY_NUMBER ? null : (compare.key ?? "")}
        runs={shown.map((one) => one.run)}
        paths={shown.map((one) => setOf(one.paths))}
        onHead={onHead}
      />
    </>
  );
}
