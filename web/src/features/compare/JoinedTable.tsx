/** The rows of joined tables: a column of each run side by side, only those in view in the page. */
import { Fragment, useEffect, useState } from "react";
import { rawUrl } from "@/features/files/place";
import { useWindow } from "@/features/files/useWindow";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Check, cellText, Name, RunLink } from "./Choices";
import styles from "./Compare.module.css";
import { type CellPicture, pictureOf } from "./cellPicture";
import type { ComparedRun } from "./frame";
import joined from "./joined.module.css";
import { messages } from "./messages";
import { useCompareState } from "./state";
import { type JoinedPage, type JoinedRow, type Order, useJoined } from "./useJoined";
import { type Cell, sameValue } from "./values";

const ROW = 30;
const PICTURE_ROW = 84;
const TYPING_MS = 250;

export interface JoinedTableProps {
  runs: ComparedRun[];
  path: string;
  /** The column to join by; empty: one that looks like a key; null: by the row's number. */
  joinKey: string | null;
  /** Paths of each run's files: of the pictures that cells name only these are loaded. */
  paths: ReadonlySet<string>[];
  onHead: (page: JoinedPage) => void;
}

function plain(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  return typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value);
}

export function JoinedTable({ runs, path, joinKey, paths, onHead }: JoinedTableProps) {
  const { compare, setCompare } = useCompareState();
  const [order, setOrder] = useState<Order | null>(null);
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [count, setCount] = useState(0);
  const [tall, setTall] = useState(false);
  const height = tall ? PICTURE_ROW : ROW;
  const view = useWindow(count, height);
  const wanted = {
    runIds: runs.map((run) => run.id),
    path,
    key: joinKey,
    onlyDifferent: !compare.all && runs.length > 1,
    search,
    order,
  };
  const { head, found, rowAt } = useJoined(wanted, view.first, view.end);
  const page = head.data;
  const holdsPictures =
    page?.rows.some((row) =>
      row.cells.some((cells, run) =>
        cells?.some((cell) => pictureOf(cell, paths[run] ?? new Set(), path) !== null),
      ),
    ) ?? false;
  useEffect(() => setCount(found), [found]);
  useEffect(() => setTall(holdsPictures), [holdsPictures]);
  useEffect(() => {
    if (page) onHead(page);
  }, [page, onHead]);
  useEffect(() => {
    const timer = window.setTimeout(() => setSearch(typed.trim()), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [typed]);

  if (head.isError) return <ErrorNotice error={head.error} retry={() => head.refetch()} />;
  if (!page) return <Skeleton height={300} />;
  const columns = page.columns.flatMap((column, at) => (column.name === page.key ? [] : [{ ...column, at }]));
  const sortBy = (table: number, column?: string) => {
    const isSame = order?.column === column && order?.table === table;
    setOrder({ column, table, descending: isSame ? !order?.descending : false });
  };
  const sorted = (table: number, column?: string) =>
    order && order.column === column && order.table === table
      ? order.descending
        ? ("descending" as const)
        : ("ascending" as const)
      : undefined;
  const numbers = [];
  for (let i = view.first; i < Math.min(view.end, found); i++) numbers.push(i);
  return (
    <>
      <div className={styles.bar}>
        <Check
          label={messages.onlyDifferent}
          checked={!compare.all}
          onChange={(on) => setCompare({ all: on ? undefined : true })}
        />
        <TextField
          label={messages.findRows}
          type="search"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <span className={styles.note} role="status">
          {messages.joinShown(found, page.total)}
        </span>
      </div>
      {page.problems.map(
        (problem, run) =>
          problem && (
            <Notice key={runs[run]?.id} tone="warn" title={messages.tableProblem(runs[run]?.name ?? "")}>
              {problem.slice(0, 500)}
            </Notice>
          ),
      )}
      {page.repeated > 0 && <p className={styles.note}>{messages.duplicates(page.repeated)}</p>}
      {page.truncated && <p className={styles.note}>{messages.joinTruncated}</p>}
      <div
        ref={view.box}
        className={joined.rows}
        role="region"
        aria-label={messages.views.tables}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
      >
        <table
          className={styles.table}
          aria-rowcount={found + 1}
          data-old={head.isPlaceholderData || undefined}
        >
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col" aria-sort={sorted(0)}>
                <Button kind="quiet" onClick={() => sortBy(0)}>
                  <Name text={page.key ?? messages.rowNumber} />
                </Button>
              </th>
              {columns.map((column) =>
                runs.map((run, i) => (
                  <th key={`${column.name}\n${run.id}`} scope="col" aria-sort={sorted(i, column.name)}>
                    <Button kind="quiet" onClick={() => sortBy(i, column.name)}>
                      <Name text={column.name} />
                    </Button>
                    <br />
                    <RunLink id={run.id} name={run.name} />
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            <tr style={{ height: view.top }} />
            {numbers.map((number) => {
              const row = rowAt(number);
              return (
                <tr key={number} aria-rowindex={number + 2} style={{ height }}>
                  {row ? (
                    <Cells row={row} columns={columns} runs={runs} paths={paths} table={path} />
                  ) : (
                    <td colSpan={1 + columns.length * runs.length} className={styles.missing}>
                      {messages.loadingRow}
                    </td>
                  )}
                </tr>
              );
            })}
            <tr style={{ height: Math.max(0, view.height - view.top - numbers.length * height) }} />
          </tbody>
        </table>
      </div>
    </>
  );
}

function Cells({
  row,
  columns,
  runs,
  paths,
  table,
}: {
  row: JoinedRow;
  columns: { name: string; type: string; at: number }[];
  runs: ComparedRun[];
  paths: ReadonlySet<string>[];
  table: string;
}) {
  return (
    <>
      <th scope="row">
        <Name text={row.key} />
      </th>
      {columns.map(({ name, type, at }) => (
        <Fragment key={name}>
          {runs.map((run, i) => {
            const cells = row.cells[i];
            const value = cells?.[at];
            const base = row.cells[0]?.[at];
            const changed =
              i > 0 && row.cells[0] && cells && type !== "image" && !sameValue(plain(value), plain(base));
            const picture = pictureOf(value, paths[i] ?? new Set(), table);
            const text = cellText(plain(value));
            return (
              <td
                key={run.id}
                data-base={i === 0 || undefined}
                data-changed={changed || undefined}
                title={picture || !text ? undefined : text.slice(0, 1_000)}
              >
                {changed && (
                  <span className={styles.mark}>
                    <span aria-hidden="true">≠</span>
                    <span className="visually-hidden">{messages.differs}: </span>
                  </span>
                )}
                {!cells ? (
                  <span className={styles.missing}>{messages.none}</span>
                ) : picture ? (
                  <Picture key={text} picture={picture} runId={run.id} text={text} />
                ) : (
                  <bdi>{text.slice(0, 300)}</bdi>
                )}
              </td>
            );
          })}
        </Fragment>
      ))}
    </>
  );
}

function Picture({ picture, runId, text }: { picture: CellPicture; runId: string; text: string }) {
  const [broken, setBroken] = useState(false);
  if (broken) return <bdi>{text.slice(0, 300)}</bdi>;
  const isFile = "path" in picture;
  return (
    <img
      className={joined.picture}
      loading="lazy"
      decoding="async"
      src={isFile ? rawUrl({ run_id: runId }, picture.path) : picture.data}
      alt={isFile ? picture.path.slice(0, 300) : messages.pictureInCell}
      onError={() => setBroken(true)}
    />
  );
}
