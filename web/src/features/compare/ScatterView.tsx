/** Two columns against each other, with colour and size for two more; a lasso makes a selection. */
import { useEffect, useMemo, useState } from "react";
import {
  caught,
  drawLasso,
  drawRing,
  drawScatter,
  nearestPoint,
  type Point,
  plotBox,
  pointsOf,
  radiiOf,
} from "@/charts/scatter";
import { padded, scaleOf } from "@/charts/scatterScale";
import { hover, useHovered } from "@/features/experiment/state";
import { Button } from "@/ui/Button";
import { formatNumber } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Canvas, type Draw, pointOf, type Size } from "./Canvas";
import {
  AxisSelects,
  Check,
  ColumnSelect,
  cellText,
  columnOptions,
  FrameTable,
  LogChecks,
  RunLink,
} from "./Choices";
import styles from "./Compare.module.css";
import { finite, selectRuns, useColours } from "./charted";
import { columnName, useColumns, useFrame } from "./frame";
import { Legend } from "./Legend";
import { messages } from "./messages";
import { logOf, useCompareState } from "./state";
import { guessLess, paretoFront, regression } from "./statistics";

const HEIGHT = 440;

export function ScatterView() {
  const { experimentIds, state, set, compare, setCompare } = useCompareState();
  const keys = useColumns(experimentIds, state);
  const options = useMemo(() => columnOptions(keys.data), [keys.data]);
  const y = compare.y ?? options.metrics[0];
  const x = compare.x ?? options.params.find((id) => id !== y) ?? options.metrics[1];
  const { colour, size: sizeBy } = compare;
  const { frame, query } = useFrame(experimentIds, state, [x, y, colour, sizeBy]);
  const { colours, scale: colourScale } = useColours(frame, colour);
  const [size, setSize] = useState<Size | null>(null);
  const [lasso, setLasso] = useState<Point[] | null>(null);
  const hovered = useHovered();
  const isLess = (id: string) => (compare.less ? compare.less.includes(id) : guessLess(columnName(id)));

  const logX = logOf(compare, x);
  const logY = logOf(compare, y);
  const cells = useMemo(() => {
    const xs = x ? frame?.cells.get(x) : undefined;
    const ys = y ? frame?.cells.get(y) : undefined;
    return xs && ys ? { x: xs, y: ys } : null;
  }, [frame, x, y]);
  const plot = useMemo(() => {
    if (!cells || !frame) return null;
    return {
      x: padded(scaleOf(cells.x, logX)),
      y: padded(scaleOf(cells.y, logY)),
      xName: columnName(x),
      yName: columnName(y),
    };
  }, [cells, frame, x, y, logX, logY]);
  const points = useMemo(() => {
    if (!plot || !cells || !frame) return null;
    const radius = radiiOf((sizeBy && frame.cells.get(sizeBy)) || null, frame.ids.length);
    return pointsOf(plot, cells, { radius, colour: colours });
  }, [plot, cells, frame, sizeBy, colours]);
  const line = useMemo(
    () => (compare.fit && cells ? regression(finite(cells.x), finite(cells.y)) : null),
    [compare.fit, cells],
  );
  const lessX = Boolean(x && isLess(x));
  const lessY = Boolean(y && isLess(y));
  const front = useMemo(
    () =>
      compare.pareto && cells ? paretoFront(finite(cells.x), finite(cells.y), { x: lessX, y: lessY }) : [],
    [compare.pareto, cells, lessX, lessY],
  );
  const draw = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        if (!plot || !points) return;
        const lineAt = line ? (at: number) => line.slope * at + line.intercept : undefined;
        drawScatter(ctx, plotBox(width, height), plot, points, { front, lineAt }, look);
      },
    [plot, points, front, line],
  );
  const at = frame && hovered ? frame.ids.indexOf(hovered) : -1;
  const base = frame && state.base ? frame.ids.indexOf(state.base) : -1;
  const over = useMemo<Draw>(
    () =>
      (ctx, { width, height }, look) => {
        if (!points) return;
        for (const i of [base, at]) if (i >= 0) drawRing(ctx, plotBox(width, height), points, i, look);
        if (lasso) drawLasso(ctx, lasso, look);
      },
    [points, at, base, lasso],
  );
  useEffect(() => () => hover.set(null), []);

  if (query.isError && !frame) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!frame || !keys.data) return <Skeleton height={HEIGHT + 60} />;
  const box = size && plotBox(size.width, size.height);
  const drawn = points
    ? frame.ids.filter((_, i) => !Number.isNaN((points.x[i] as number) + (points.y[i] as number))).length
    : 0;
  const setLog = (id: string, on: boolean) => setCompare({ log: { ...compare.log, [id]: on } });
  const toggle = (list: string[] | undefined, id: string, on: boolean) => [
    ...(list ?? []).filter((one) => one !== id),
    ...(on ? [id] : []),
  ];
  const setLess = (id: string, on: boolean) => {
    const before = [x, y].filter((one): one is string => Boolean(one && isLess(one)));
    setCompare({ less: toggle(compare.less ?? before, id, on) });
  };
  const shownColumns = [...new Set([x, y, colour, sizeBy])].filter((id): id is string => Boolean(id));
  return (
    <>
      <div className={styles.bar}>
        <AxisSelects x={x} y={y} options={options} onChange={setCompare} />
        <ColumnSelect
          label={messages.colour}
          value={colour}
          options={options}
          optional
          onChange={(id) => setCompare({ colour: id })}
        />
        <ColumnSelect
          label={messages.size}
          value={sizeBy}
          options={options}
          optional
          onChange={(id) => setCompare({ size: id })}
        />
      </div>
      <div className={styles.bar}>
        <LogChecks x={x} y={y} scales={plot ?? undefined} onChange={setLog} />
        <Check
          label={messages.fit}
          checked={Boolean(compare.fit)}
          onChange={(on) => setCompare({ fit: on || undefined })}
        />
        <Check
          label={messages.pareto}
          checked={Boolean(compare.pareto)}
          onChange={(on) => setCompare({ pareto: on || undefined })}
        />
        {compare.pareto && x && (
          <Check label={messages.lessX} checked={lessX} onChange={(on) => setLess(x, on)} />
        )}
        {compare.pareto && y && (
          <Check label={messages.lessY} checked={lessY} onChange={(on) => setLess(y, on)} />
        )}
        <Legend scale={colourScale} name={columnName(colour)} />
      </div>
      {!plot ? (
        <Notice title={messages.chooseXy} />
      ) : (
        <>
          <p className={styles.note}>{messages.lassoHelp}</p>
          <Canvas
            draw={draw}
            over={over}
            height={HEIGHT}
            cursor="crosshair"
            label={messages.scatterLabel(plot.xName, plot.yName, drawn)}
            onSize={setSize}
            onPointerDown={(event) => {
              if (event.button !== 0) return;
              event.currentTarget.setPointerCapture(event.pointerId);
              setLasso([pointOf(event)]);
            }}
            onPointerMove={(event) => {
              const point = pointOf(event);
              if (lasso) setLasso([...lasso, point]);
              else if (box && points) hover.set(frame.ids[nearestPoint(box, points, point)] ?? null);
            }}
            onPointerUp={() => {
              setLasso(null);
              if (!lasso || !box || !points || lasso.length < 3) return;
              const found = caught(box, points, lasso);
              if (found.length)
                selectRuns(
                  found.map((i) => frame.ids[i] as string),
                  set,
                );
            }}
            onPointerCancel={() => setLasso(null)}
            onPointerLeave={() => hover.set(null)}
          />
          <div className={styles.status}>
            {drawn < frame.ids.length && (
              <span className={styles.note}>
                {messages.left(`${plot.xName}, ${plot.yName}`.slice(0, 300), frame.ids.length - drawn)}
              </span>
            )}
            {frame.total > frame.ids.length && (
              <span className={styles.note}>{messages.runsCut(frame.ids.length, frame.total)}</span>
            )}
            {compare.fit && (
              <span role="status">
                {line
                  ? messages.fitText(
                      formatNumber(line.slope),
                      formatNumber(line.intercept),
                      line.r2.toFixed(3),
                      line.count,
                    )
                  : messages.fitNone}
              </span>
            )}
            {compare.pareto && (
              <>
                <span role="status">{messages.paretoText(front.length)}</span>
                {front.length > 0 && (
                  <Button
                    onClick={() =>
                      selectRuns(
                        front.map((i) => frame.ids[i] as string),
                        set,
                      )
                    }
                  >
                    {messages.selectFront}
                  </Button>
                )}
              </>
            )}
            {at >= 0 && (
              <span>
                <RunLink id={frame.ids[at] as string} name={frame.names[at] as string} />{" "}
                <bdi>
                  {shownColumns
                    .map(
                      (id) =>
                        `${columnName(id)}: ${cellText(frame.cells.get(id)?.[at] ?? null) || messages.none}`,
                    )
                    .join(" · ")
                    .slice(0, 600)}
                </bdi>
              </span>
            )}
          </div>
        </>
      )}
      <FrameTable
        frame={frame}
        columns={shownColumns}
        rows={front.length ? front : undefined}
        open={front.length > 0}
      />
    </>
  );
}
