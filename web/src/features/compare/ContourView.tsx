/** A metric over two params: as cells with means, or as curves of equal height between the runs. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import {
  binned,
  type ContourFrame,
  cellsOf,
  drawCells,
  drawContours,
  interpolated,
  rangeOf,
  type Sample,
  samplesOf,
} from "@/charts/contour";
import { plotBox } from "@/charts/scatter";
import { padded, type Scale, scaleOf, valueAt } from "@/charts/scatterScale";
import { formatNumber } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Canvas, type Draw } from "./Canvas";
import {
  AxisSelects,
  ColumnSelect,
  columnOptions,
  Folded,
  FrameTable,
  LogChecks,
  Scroll,
  Segments,
} from "./Choices";
import styles from "./Compare.module.css";
import { columnName, useColumns, useFrame } from "./frame";
import { Legend } from "./Legend";
import { messages } from "./messages";
import { logOf, useCompareState } from "./state";

const HEIGHT = 420;
const GRID = 60;
const LEVELS = 10;
const MAX_SAMPLES = 1_000;
const FEWEST = 4;

/** Curves of equal height; the library for them comes when the first are drawn. */
function useLevels(samples: readonly Sample[], range: [number, number], wanted: boolean) {
  return useQuery({
    queryKey: ["compare", "contours", samples, range],
    queryFn: async () => {
      const { contours } = await import("d3-contour");
      const heights = interpolated(samples.slice(0, MAX_SAMPLES), GRID, GRID);
      const step = (range[1] - range[0]) / LEVELS;
      const levels = Array.from({ length: LEVELS }, (_, i) => range[0] + i * step);
      return contours().size([GRID, GRID]).thresholds(levels)(Array.from(heights));
    },
    enabled: wanted,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

export function ContourView() {
  const { experimentIds, state, compare, setCompare } = useCompareState();
  const keys = useColumns(experimentIds, state);
  const options = useMemo(() => columnOptions(keys.data), [keys.data]);
  const metric = compare.metric ?? options.metrics[0];
  const x = compare.x ?? options.params[0];
  const y = compare.y ?? options.params.find((id) => id !== x);
  const { frame, query } = useFrame(experimentIds, state, [metric, x, y]);
  const logX = logOf(compare, x);
  const logY = logOf(compare, y);
  const plot = useMemo(() => {
    const cells = {
      x: frame?.cells.get(x ?? ""),
      y: frame?.cells.get(y ?? ""),
      z: frame?.cells.get(metric ?? ""),
    };
    if (!cells.x || !cells.y || !cells.z) return null;
    const axes: ContourFrame = {
      x: padded(scaleOf(cells.x, logX)),
      y: padded(scaleOf(cells.y, logY)),
      xName: columnName(x),
      yName: columnName(y),
    };
    const samples = samplesOf(axes, { x: cells.x, y: cells.y, z: cells.z });
    const columns = cellsOf(axes.x, new Set(cells.x).size);
    const rows = cellsOf(axes.y, new Set(cells.y).size);
    return { axes, samples, range: rangeOf(samples), cells: binned(samples, columns, rows) };
  }, [frame, metric, x, y, logX, logY]);
  const isPossible =
    plot !== null &&
    plot.axes.x.kind === "number" &&
    plot.axes.y.kind === "number" &&
    plot.samples.length >= FEWEST;
  const isContour = compare.shape === "contour" && isPossible;
  const levels = useLevels(plot?.samples ?? [], plot?.range ?? [0, 1], isContour);
  const draw = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        if (!plot?.samples.length) return;
        const box = plotBox(width, height);
        if (isContour && levels.data) {
          const drawn = { levels: levels.data, columns: GRID, rows: GRID, samples: plot.samples };
          drawContours(ctx, box, plot.axes, drawn, plot.range, look);
        } else drawCells(ctx, box, plot.axes, plot.cells, plot.range, look);
      },
    [plot, isContour, levels.data],
  );
  if (query.isError && !frame) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!frame || !keys.data) return <Skeleton height={HEIGHT + 60} />;
  if (!metric) return <Notice title={messages.noMetrics} />;
  const setLog = (id: string, on: boolean) => setCompare({ log: { ...compare.log, [id]: on } });
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
        <AxisSelects x={x} y={y} options={options} onChange={setCompare} />
        <Segments
          label={messages.shape}
          value={compare.shape === "contour" ? "contour" : "heat"}
          options={[
            ["heat", messages.shapes.heat],
            ["contour", messages.shapes.contour],
          ]}
          onChange={(shape) => setCompare({ shape })}
        />
        <LogChecks x={x} y={y} scales={plot?.axes} onChange={setLog} />
        {plot && plot.samples.length > 0 && (
          <Legend scale={scaleOf([...plot.range])} name={columnName(metric)} />
        )}
      </div>
      {!plot ? (
        <Notice title={messages.chooseXy} />
      ) : (
        <>
          {compare.shape === "contour" && (
            <p className={styles.note}>
              {isPossible ? messages.contourNote(plot.samples.length) : messages.contourFew}
            </p>
          )}
          <Canvas
            draw={draw}
            height={HEIGHT}
            label={messages.contourLabel(columnName(metric), columnName(x), columnName(y))}
          />
          <CellTable plot={plot} />
          {plot.samples.length < frame.ids.length && (
            <p className={styles.note}>
              {messages.left(
                [metric, x, y].map(columnName).join(", ").slice(0, 300),
                frame.ids.length - plot.samples.length,
              )}
            </p>
          )}
        </>
      )}
      <FrameTable frame={frame} columns={[metric, x, y].filter((id): id is string => Boolean(id))} />
    </>
  );
}

function partName(scale: Scale, at: number, count: number): string {
  if (scale.kind === "category") return scale.categories[at] ?? "";
  return `${formatNumber(valueAt(scale, at / count))} … ${formatNumber(valueAt(scale, (at + 1) / count))}`;
}

function CellTable({ plot }: { plot: { axes: ContourFrame; cells: ReturnType<typeof binned> } }) {
  const { axes, cells } = plot;
  const filled = [...cells.counts].flatMap((count, at) => (count ? [{ at, count }] : []));
  return (
    <Folded title={`${messages.asTable}: ${messages.shapes.heat}`}>
      <Scroll label={messages.shapes.heat}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{axes.xName.slice(0, 200)}</th>
              <th scope="col">{axes.yName.slice(0, 200)}</th>
              <th scope="col">{messages.cellMean}</th>
              <th scope="col">{messages.cellCount}</th>
            </tr>
          </thead>
          <tbody>
            {filled.map(({ at, count }) => (
              <tr key={at}>
                <td>{partName(axes.x, at % cells.columns, cells.columns)}</td>
                <td>{partName(axes.y, Math.floor(at / cells.columns), cells.rows)}</td>
                <td>{formatNumber((cells.sums[at] as number) / count)}</td>
                <td>{count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Folded>
  );
}
