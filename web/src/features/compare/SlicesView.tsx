/** A metric over each param that differs, one small plot beside the other. */
import { useMemo } from "react";
import { drawScatter, plotBox, pointsOf } from "@/charts/scatter";
import { padded, scaleOf } from "@/charts/scatterScale";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Canvas, type Draw } from "./Canvas";
import { Check, ColumnSelect, columnOptions, FrameTable } from "./Choices";
import styles from "./Compare.module.css";
import { useColours } from "./charted";
import { columnName, type Frame, useColumns, useFrame } from "./frame";
import { messages } from "./messages";
import { logOf, useCompareState } from "./state";

const MAX_PARAMS = 24;
const HEIGHT = 220;

export function SlicesView() {
  const { experimentIds, state, compare, setCompare } = useCompareState();
  const keys = useColumns(experimentIds, state);
  const options = useMemo(() => columnOptions(keys.data), [keys.data]);
  const metric = compare.metric ?? options.metrics[0];
  const varying = useMemo(
    () => keys.data?.params.filter((one) => one.varies).map((one) => `p:${one.key}`) ?? [],
    [keys.data],
  );
  const params = varying.slice(0, MAX_PARAMS);
  const { frame, query } = useFrame(experimentIds, state, [metric, ...params]);
  if (query.isError && !frame) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!frame || !keys.data) return <Skeleton height={420} />;
  if (!metric) return <Notice title={messages.noMetrics} />;
  if (!params.length) return <Notice title={messages.noParams} />;
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
        <p className={styles.note}>
          {messages.slicesHelp}{" "}
          {params.length < varying.length && messages.slicesCut(params.length, varying.length)}
        </p>
      </div>
      <div className={styles.grid}>
        {params.map((param) => (
          <Slice key={param} frame={frame} metric={metric} param={param} />
        ))}
      </div>
      <FrameTable frame={frame} columns={[metric, ...params]} />
    </>
  );
}

function Slice({ frame, metric, param }: { frame: Frame; metric: string; param: string }) {
  const { compare, setCompare } = useCompareState();
  const { colours } = useColours(frame, metric);
  const log = logOf(compare, param);
  const plot = useMemo(() => {
    const x = frame.cells.get(param) ?? [];
    const y = frame.cells.get(metric) ?? [];
    return {
      cells: { x, y },
      frame: {
        x: padded(scaleOf(x, log)),
        y: padded(scaleOf(y)),
        xName: columnName(param),
        yName: columnName(metric),
      },
    };
  }, [frame, metric, param, log]);
  const draw = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        const radius = new Float32Array(frame.ids.length).fill(3.5);
        const points = pointsOf(plot.frame, plot.cells, { radius, colour: colours });
        drawScatter(ctx, plotBox(width, height), plot.frame, points, {}, look);
      },
    [plot, frame, colours],
  );
  return (
    <div>
      <Canvas
        draw={draw}
        height={HEIGHT}
        label={messages.sliceLabel(columnName(metric), columnName(param))}
      />
      {plot.frame.x.canLog && (
        <Check
          label={`${messages.log}: ${columnName(param).slice(0, 60)}`}
          checked={plot.frame.x.log}
          onChange={(on) => setCompare({ log: { ...compare.log, [param]: on } })}
        />
      )}
    </div>
  );
}
