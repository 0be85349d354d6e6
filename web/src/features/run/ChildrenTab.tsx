/** The runs below this one, as a tree that is read as it opens. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";
import { post } from "@/api/client";
import type { Column } from "@/features/experiment/columns";
import { keysQuery } from "@/features/experiment/data";
import { visible } from "@/features/files/spans";
import { Button, IconButton } from "@/ui/Button";
import { Status, Time } from "@/ui/Facts";
import { formatDuration, formatNumber } from "@/ui/format";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { type Run, SYSTEM_PREFIX } from "./data";
import { messages } from "./messages";
import styles from "./run.module.css";

const PAGE = 100;
const FIGURES = 4;
const MAX_DEPTH = 20;

export default function ChildrenTab({ run }: { run: Run }) {
  const experimentId = run.info.experiment_id;
  const keys = useQuery(keysQuery([experimentId]));
  const metrics = (keys.data?.metrics ?? [])
    .filter((one) => !one.key.startsWith(SYSTEM_PREFIX))
    .slice(0, FIGURES);
  const params = (keys.data?.params ?? []).filter((one) => one.varies).slice(0, FIGURES);
  const columns: Column[] = [
    ...metrics.map((one): Column => ({ kind: "metric", key: one.key, stat: "last" })),
    ...params.map((one): Column => ({ kind: "param", key: one.key, stat: "last" })),
  ];
  if (!keys.data) return <Skeleton height={200} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <div className={styles.scrollX} tabIndex={0} role="region" aria-label={messages.tabs.children}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{messages.run}</th>
            <th scope="col">{messages.status}</th>
            <th scope="col">{messages.started}</th>
            <th scope="col">{messages.duration}</th>
            {columns.map((column) => (
              <th key={`${column.kind} ${column.key}`} scope="col">
                <bdi>{visible(column.key).slice(0, 60)}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Level parent={run.info.run_id} experimentId={experimentId} columns={columns} depth={0} />
        </tbody>
      </table>
    </div>
  );
}

interface LevelProps {
  parent: string;
  experimentId: string;
  columns: Column[];
  depth: number;
}

function Level({ parent, experimentId, columns, depth }: LevelProps) {
  const query = useInfiniteQuery({
    queryKey: ["children", parent, columns],
    queryFn: ({ pageParam, signal }) =>
      post(
        "/api/assay/v1/runs/rows",
        {
          experiment_ids: [experimentId],
          parent,
          columns,
          order_by: ["attributes.start_time ASC"],
          offset: pageParam,
          limit: PAGE,
        },
        signal,
      ),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const read = pages.reduce((sum, page) => sum + page.runs.run_id.length, 0);
      return last.runs.run_id.length && read < last.total ? read : undefined;
    },
  });
  const width = columns.length + 4;
  if (query.isError) {
    return (
      <tr>
        <td colSpan={width}>
          <ErrorNotice error={query.error} retry={() => query.refetch()} />
        </td>
      </tr>
    );
  }
  if (!query.data) {
    return (
      <tr>
        <td colSpan={width}>
          <Skeleton />
        </td>
      </tr>
    );
  }
  const pages = query.data.pages;
  const total = pages[0]?.total ?? 0;
  const read = pages.reduce((sum, page) => sum + page.runs.run_id.length, 0);
  return (
    <>
      {depth === 0 && total === 0 && (
        <tr>
          <td colSpan={width}>{messages.noChildren}</td>
        </tr>
      )}
      {pages.flatMap((page) =>
        page.runs.run_id.map((id, at) => (
          <Child
            key={id}
            child={{
              id,
              name: page.runs.run_name[at] ?? id,
              status: page.runs.status[at] ?? "",
              start: page.runs.start_time[at] ?? null,
              end: page.runs.end_time[at] ?? null,
              children: page.runs.children[at] ?? 0,
              cells: page.columns.map((column) => column[at] ?? null),
            }}
            experimentId={experimentId}
            columns={columns}
            depth={depth}
          />
        )),
      )}
      {query.hasNextPage && (
        <tr>
          <td colSpan={width}>
            <Button disabled={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
              {messages.moreChildren}
            </Button>{" "}
            <span className={styles.quiet}>{messages.childrenShown(read, total)}</span>
          </td>
        </tr>
      )}
    </>
  );
}

interface ChildRun {
  id: string;
  name: string;
  status: string;
  start: number | null;
  end: number | null;
  children: number;
  cells: (number | string | null)[];
}

function Child({
  child,
  experimentId,
  columns,
  depth,
}: {
  child: ChildRun;
  experimentId: string;
  columns: Column[];
  depth: number;
}) {
  const [open, setOpen] = useState(false);
  const name = visible(child.name).slice(0, 200);
  const took = child.start !== null && child.end !== null ? child.end - child.start : null;
  return (
    <>
      <tr>
        <th scope="row">
          <span className={styles.childName} style={{ paddingInlineStart: depth * 18 }}>
            {child.children > 0 && depth < MAX_DEPTH ? (
              <IconButton label={messages.expand(name)} aria-expanded={open} onClick={() => setOpen(!open)}>
                {open ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
              </IconButton>
            ) : (
              <span className={styles.noTwist} />
            )}
            <Link to="/runs/$runId" params={{ runId: child.id }}>
              <bdi>{name}</bdi>
            </Link>
            {child.children > 0 && <span className={styles.quiet}>{child.children}</span>}
          </span>
        </th>
        <td>
          <Status status={child.status} />
        </td>
        <td>
          <Time ms={child.start} />
        </td>
        <td>{formatDuration(took)}</td>
        {columns.map((column, at) => (
          <td key={`${column.kind} ${column.key}`}>
            {column.kind === "metric"
              ? formatNumber(child.cells[at])
              : visible(String(child.cells[at] ?? "")).slice(0, 100)}
          </td>
        ))}
      </tr>
      {open && <Level parent={child.id} experimentId={experimentId} columns={columns} depth={depth + 1} />}
    </>
  );
}
