/** Parallel coordinates: runs as lines over axes; what brushes keep can become the selection or the query. */
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import {
  binColour,
  brushAt,
  brushed,
  colourBins,
  drawLine,
  drawLines,
  drawParallelAxes,
  NO_VALUE,
  nearestLine,
  type ParallelLayout,
  parallelAxis,
  parallelLayout,
} from "@/charts/parallel";
import { scaleOf } from "@/charts/scatterScale";
import { hover, useHovered } from "@/features/experiment/state";
import { Button } from "@/ui/Button";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { AxisHeads } from "./AxisHeads";
import { Canvas, type Draw, pointOf, type Size } from "./Canvas";
import { ColumnSelect, cellText, columnOptions, FrameTable, RunLink } from "./Choices";
import styles from "./Compare.module.css";
import { brushFilter, selectRuns, usualAxes } from "./charted";
import { columnName, useColumns, useFrame } from "./frame";
import { Legend } from "./Legend";
import { messages } from "./messages";
import { logOf, useCompareState } from "./state";

const HEIGHT = 400;
/** Narrower axes could not be told apart: then the chart is scrolled. */
const AXIS_ROOM = 88;
/** How far from an axis a drag still means it. */
const REACH = 16;

interface Drag {
  axis: number;
  from: number;
  to: number;
}

export function ParallelView() {
  const { experimentIds, state, set, compare, setCompare } = useCompareState();
  const keys = useColumns(experimentIds, state);
  const options = useMemo(() => columnOptions(keys.data), [keys.data]);
  const ids = useMemo(() => {
    if (compare.axes) return compare.axes;
    const varies = new Set(keys.data?.params.filter((one) => one.varies).map((one) => `p:${one.key}`));
    return usualAxes(options, varies);
  }, [compare.axes, keys.data, options]);
  const colour = compare.colour ?? options.metrics[0];
  const { frame, query } = useFrame(experimentIds, state, [...ids, colour]);
  const [size, setSize] = useState<Size | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const hovered = useHovered();

  const colourCells = frame && colour ? frame.cells.get(colour) : undefined;
  const colourScale = useMemo(() => (colourCells ? scaleOf(colourCells) : null), [colourCells]);
  const bins = useMemo(
    () =>
      colourScale && colourCells
        ? colourBins(colourScale, colourCells)
        : new Int8Array(frame?.ids.length ?? 0).fill(-1),
    [colourScale, colourCells, frame],
  );
  const axes = useMemo(() => {
    if (!frame) return [];
    // Within a band of one category lines stand in the order of their colours, so that bands show shares.
    const order = frame.ids.map((_, i) => i).sort((a, b) => (bins[a] as number) - (bins[b] as number));
    return ids.flatMap((id) => {
      const cells = frame.cells.get(id);
      return cells ? [parallelAxis(id, columnName(id), cells, { log: logOf(compare, id), order })] : [];
    });
  }, [frame, ids, compare, bins]);
  const brushes = useMemo(() => {
    if (!drag) return compare.brush;
    const axis = axes[drag.axis];
    const brush = axis && brushAt(axis.scale, drag.from, drag.to);
    return axis && brush ? { ...compare.brush, [axis.id]: brush } : compare.brush;
  }, [drag, axes, compare.brush]);
  // While a brush is dragged over thousands of lines, the brush itself must not wait for them.
  const lateBrushes = useDeferredValue(brushes);
  const kept = useMemo(() => brushed(axes, lateBrushes), [axes, lateBrushes]);
  const matching = useMemo(() => {
    const all = frame?.ids.map((_, i) => i) ?? [];
    return kept ? all.filter((i) => kept[i]) : all;
  }, [frame, kept]);
  const layout: ParallelLayout | null = size && parallelLayout(axes.length, size.width, size.height);

  const draw = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        const place = parallelLayout(axes.length, width, height);
        drawLines(ctx, axes, place, { bins, kept }, look);
        if (axes.some((axis) => axis.heights.includes(NO_VALUE))) {
          ctx.font = look.font;
          ctx.fillStyle = look.quiet;
          ctx.textAlign = "left";
          ctx.fillText(messages.noValue, 2, place.none + 10);
        }
      },
    [axes, bins, kept],
  );
  const at = frame && hovered ? frame.ids.indexOf(hovered) : -1;
  const base = frame && state.base ? frame.ids.indexOf(state.base) : -1;
  const over = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        const place = parallelLayout(axes.length, width, height);
        if (base >= 0) drawLine(ctx, axes, place, { index: base, colour: look.text, dash: [7, 5] }, look);
        if (at >= 0) {
          drawLine(ctx, axes, place, { index: at, colour: binColour(bins[at] as number, look) }, look);
        }
        drawParallelAxes(ctx, axes, place, brushes, look);
      },
    [axes, bins, brushes, at, base],
  );
  useEffect(() => () => hover.set(null), []);

  if (query.isError && !frame) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!frame || !keys.data) return <Skeleton height={HEIGHT + 60} />;

  const share = (y: number) => (layout ? (layout.bottom - y) / (layout.bottom - layout.top) : 0);
  const finish = () => {
    const axis = drag && axes[drag.axis];
    if (!drag || !axis) return;
    const brush = Math.abs(drag.to - drag.from) < 0.01 ? null : brushAt(axis.scale, drag.from, drag.to);
    const { [axis.id]: _, ...others } = compare.brush ?? {};
    setDrag(null);
    setCompare({ brush: brush ? { ...others, [axis.id]: brush } : others });
  };
  const filter = compare.brush && brushFilter(compare.brush);
  return (
    <>
      <div className={styles.bar}>
        <ColumnSelect
          label={messages.addAxis}
          value={undefined}
          options={options}
          not={ids}
          onChange={(id) => id && setCompare({ axes: [...ids, id] })}
        />
        <ColumnSelect
          label={messages.colour}
          value={colour}
          options={options}
          onChange={(id) => setCompare({ colour: id })}
        />
        <Legend scale={colourScale} name={columnName(colour)} />
      </div>
      <p className={styles.note}>{messages.brushHelp}</p>
      {axes.length < 2 ? (
        <Notice title={messages.noAxes} />
      ) : (
        <section className={styles.sideways} aria-label={messages.views.parallel}>
          <div style={{ minWidth: axes.length * AXIS_ROOM }}>
            <AxisHeads axes={axes} layout={layout} />
            <Canvas
              draw={draw}
              over={over}
              height={HEIGHT}
              cursor="crosshair"
              label={messages.parallelLabel(frame.ids.length, axes.length)}
              onSize={setSize}
              onPointerDown={(event) => {
                const point = pointOf(event);
                const axis = layout?.x.findIndex((x) => Math.abs(x - point.x) <= REACH) ?? -1;
                if (axis < 0 || event.button !== 0) return;
                event.currentTarget.setPointerCapture(event.pointerId);
                setDrag({ axis, from: share(point.y), to: share(point.y) });
              }}
              onPointerMove={(event) => {
                const point = pointOf(event);
                if (drag) setDrag({ ...drag, to: share(point.y) });
                else if (layout) hover.set(frame.ids[nearestLine(axes, layout, point, kept)] ?? null);
              }}
              onPointerUp={finish}
              onPointerCancel={() => setDrag(null)}
              onPointerLeave={() => !drag && hover.set(null)}
            />
          </div>
        </section>
      )}
      <div className={styles.status}>
        <strong role="status">{messages.matching(matching.length, frame.ids.length)}</strong>
        {kept && (
          <>
            <Button
              kind="primary"
              disabled={!matching.length}
              onClick={() =>
                selectRuns(
                  matching.map((i) => frame.ids[i] as string),
                  set,
                )
              }
            >
              {messages.selectThese(matching.length)}
            </Button>
            {filter && (
              <Button
                onClick={() =>
                  set({
                    q: [state.q && `(${state.q})`, filter].filter(Boolean).join(" and "),
                    tab: undefined,
                    runs: undefined,
                  })
                }
              >
                {messages.filterTable}
              </Button>
            )}
            <Button onClick={() => setCompare({ brush: undefined })}>{messages.clearBrushes}</Button>
          </>
        )}
        {frame.total > frame.ids.length && (
          <span className={styles.note}>{messages.runsCut(frame.ids.length, frame.total)}</span>
        )}
        {at >= 0 && (
          <span>
            <RunLink id={frame.ids[at] as string} name={frame.names[at] as string} />{" "}
            <bdi>
              {axes
                .slice(0, 8)
                .map((axis) => `${axis.name}: ${cellText(axis.values[at] ?? null) || messages.none}`)
                .join(" · ")
                .slice(0, 600)}
            </bdi>
          </span>
        )}
      </div>
      <FrameTable frame={frame} columns={axes.map((axis) => axis.id)} rows={matching} open={Boolean(kept)} />
    </>
  );
}
