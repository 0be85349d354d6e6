/** Which params a metric depends on, as far as these runs can tell. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { post } from "@/api/client";
import { type Column, parseColumn } from "@/features/experiment/columns";
import { whichRuns } from "@/features/experiment/data";
import { Chip } from "@/ui/Facts";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { ColumnSelect, columnOptions, Name, Scroll } from "./Choices";
import styles from "./Compare.module.css";
import { columnName, useColumns } from "./frame";
import { messages } from "./messages";
import { useCompareState } from "./state";

const MAX_NAMED = 1_000;

export function ImportanceView() {
  const { experimentIds, state, compare, setCompare } = useCompareState();
  const keys = useColumns(experimentIds, state);
  const options = useMemo(() => columnOptions(keys.data), [keys.data]);
  const metric = compare.metric ?? options.metrics[0];
  const column = metric ? parseColumn(metric) : null;
  const { order_by: _, ...which } = whichRuns(experimentIds, state);
  const varying = keys.data?.params.filter((one) => one.varies).map((one) => one.key) ?? [];
  const request = state.runs?.length
    ? {
        experiment_ids: experimentIds,
        run_ids: [...new Set([...(state.base ? [state.base] : []), ...state.runs])].slice(0, MAX_NAMED),
        // Those that differ within the selection, which may be others than in the whole experiment.
        params: varying.slice(0, 100),
      }
    : which;
  const query = useQuery({
    queryKey: ["compare", "importance", request, column],
    queryFn: ({ signal }) =>
      post("/api/assay/v1/runs/importance", { ...request, metric: column as Column }, signal),
    enabled: column !== null && keys.data !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    retry: false,
  });
  if (keys.isError && !keys.data) return <ErrorNotice error={keys.error} retry={() => keys.refetch()} />;
  if (!keys.data) return <Skeleton height={300} />;
  if (!metric) return <Notice title={messages.noMetrics} />;
  const most = Math.max(0.001, ...(query.data?.entries.map((one) => one.importance) ?? []));
  return (
    <>
      <div className={styles.bar}>
        <ColumnSelect
          label={messages.metric}
          value={metric}
          kinds={["metrics"]}
          options={options}
          onChange={(id) => setCompare({ metric: id })}
        />
      </div>
      {query.isError && <ErrorNotice error={query.error} retry={() => query.refetch()} />}
      {query.isFetching && (
        <p className={styles.note} role="status">
          {messages.computing}
        </p>
      )}
      {query.isPending && <Skeleton height={300} />}
      {query.data && (
        <>
          <p>{messages.importanceText(query.data.runs)}</p>
          {query.data.warning && <Notice title={query.data.warning} tone="warn" />}
          {query.data.entries.length > 0 && (
            <Scroll label={`${messages.views.importance}: ${columnName(metric)}`} tall>
              <table className={styles.table}>
                <thead>
                  <tr>
                    <th scope="col">{messages.param}</th>
                    <th scope="col">{messages.importance}</th>
                    <th scope="col">
                      <span className="visually-hidden">{messages.importance}</span>
                    </th>
                    <th scope="col" title={messages.correlationHelp}>
                      {messages.correlation}
                    </th>
                    <th scope="col">
                      <span className="visually-hidden">{messages.correlation}</span>
                    </th>
                    <th scope="col">{messages.kind}</th>
                    <th scope="col">{messages.runs}</th>
                  </tr>
                </thead>
                <tbody>
                  {query.data.entries.map((one) => {
                    const correlation = one.correlation === null ? null : Number(one.correlation);
                    return (
                      <tr key={one.param}>
                        <th scope="row">
                          <Name text={one.param} />
                        </th>
                        <td>
                          {one.importance.toFixed(3)}{" "}
                          <span className={styles.note}>
                            {messages.importanceSd(one.importance_sd.toFixed(3))}
                          </span>
                        </td>
                        <td aria-hidden="true">
                          <div className={styles.bars}>
                            <div
                              className={styles.barFill}
                              style={{ left: 0, width: `${Math.max(0, (one.importance / most) * 100)}%` }}
                            />
                          </div>
                        </td>
                        <td>
                          {correlation === null
                            ? ""
                            : `${correlation >= 0 ? "+" : "−"}${Math.abs(correlation).toFixed(2)}`}
                        </td>
                        <td aria-hidden="true">{correlation !== null && <Signed value={correlation} />}</td>
                        <td>
                          <Chip>{messages.kinds[one.kind] ?? one.kind}</Chip>
                        </td>
                        <td>{one.runs}</td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </Scroll>
          )}
        </>
      )}
    </>
  );
}

/** A bar to the right of the middle for what grows along, to the left for what shrinks. */
function Signed({ value }: { value: number }) {
  const width = Math.min(1, Math.abs(value)) * 50;
  return (
    <div className={styles.bars}>
      <div
        className={styles.barFill}
        data-negative={value < 0 || undefined}
        style={{ left: `${value < 0 ? 50 - width : 50}%`, width: `${width}%` }}
      />
      <div className={styles.barMiddle} />
    </div>
  );
}
