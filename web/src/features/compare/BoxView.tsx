/** How a metric spreads within each category: boxes or violins, and the same figures as a table. */
import { useMemo } from "react";
import { drawSpreads, type Spread, spreadOf } from "@/charts/box";
import { colourOf, useDark } from "@/charts/colours";
import { plotBox } from "@/charts/scatter";
import { padded, scaleOf } from "@/charts/scatterScale";
import { formatNumber } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Canvas, type Draw } from "./Canvas";
import { Check, ColumnSelect, cellText, columnOptions, Name, Scroll, Segments } from "./Choices";
import styles from "./Compare.module.css";
import { columnName, useColumns, useFrame } from "./frame";
import { messages } from "./messages";
import { logOf, useCompareState } from "./state";

const HEIGHT = 400;
const MAX_GROUPS = 30;

export function BoxView() {
  const { experimentIds, state, compare, setCompare } = useCompareState();
  const dark = useDark();
  const keys = useColumns(experimentIds, state);
  const options = useMemo(() => columnOptions(keys.data), [keys.data]);
  const metric = compare.metric ?? options.metrics[0];
  const by = compare.by ?? options.params[0] ?? "a:status";
  const { frame, query } = useFrame(experimentIds, state, [metric, by]);
  const log = logOf(compare, metric);
  const plot = useMemo(() => {
    const values = frame?.cells.get(metric ?? "");
    const categories = frame?.cells.get(by);
    if (!values || !categories) return null;
    const groups = new Map<string, number[]>();
    values.forEach((value, i) => {
      if (typeof value !== "number" || !Number.isFinite(value)) return;
      const name = cellText(categories[i] ?? null) || messages.none;
      const list = groups.get(name);
      if (list) list.push(value);
      else groups.set(name, [value]);
    });
    const largest = [...groups].sort((a, b) => b[1].length - a[1].length).slice(0, MAX_GROUPS);
    const x = scaleOf(largest.map(([name]) => name));
    const spreads = x.categories.map((name) => spreadOf(name, colourOf(name, dark), groups.get(name) ?? []));
    const y = padded(
      scaleOf(
        largest.flatMap(([, list]) => list),
        log,
      ),
    );
    return { spreads, total: groups.size, axes: { x, y, xName: columnName(by), yName: columnName(metric) } };
  }, [frame, metric, by, log, dark]);
  const isViolin = compare.shape === "violin";
  const draw = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        if (plot?.spreads.length) {
          drawSpreads(ctx, plotBox(width, height), plot.axes, plot.spreads, isViolin, look);
        }
      },
    [plot, isViolin],
  );
  if (query.isError && !frame) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!frame || !keys.data || !plot) return <Skeleton height={HEIGHT + 60} />;
  if (!metric) return <Notice title={messages.noMetrics} />;
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
        <ColumnSelect
          label={messages.by}
          value={by}
          kinds={["params", "attributes"]}
          options={options}
          onChange={(id) => setCompare({ by: id })}
        />
        <Segments
          label={messages.shape}
          value={isViolin ? "violin" : "box"}
          options={[
            ["box", messages.shapes.box],
            ["violin", messages.shapes.violin],
          ]}
          onChange={(shape) => setCompare({ shape })}
        />
        <Check
          label={messages.log}
          checked={plot.axes.y.log}
          disabled={!plot.axes.y.canLog}
          onChange={(on) => setCompare({ log: { ...compare.log, [metric]: on } })}
        />
      </div>
      <Canvas draw={draw} height={HEIGHT} label={messages.boxLabel(columnName(metric), columnName(by))} />
      {plot.total > plot.spreads.length && (
        <p className={styles.note}>{messages.boxCut(plot.spreads.length, plot.total)}</p>
      )}
      <SpreadTable spreads={plot.spreads} by={columnName(by)} />
    </>
  );
}

function SpreadTable({ spreads, by }: { spreads: readonly Spread[]; by: string }) {
  const heads = messages.boxColumns;
  return (
    <Scroll label={messages.asTable}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">
              <Name text={by} />
            </th>
            {Object.entries(heads).map(([key, text]) => (
              <th key={key} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {spreads.map((one) => (
            <tr key={one.name}>
              <th scope="row">
                <Name text={one.name} />
              </th>
              <td>{one.values.length}</td>
              <td>{formatNumber(one.values[0])}</td>
              <td>{formatNumber(one.q1)}</td>
              <td>{formatNumber(one.median)}</td>
              <td>{formatNumber(one.q3)}</td>
              <td>{formatNumber(one.values[one.values.length - 1])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
