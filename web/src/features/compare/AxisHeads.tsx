/** Names of parallel axes above them: dragged to another place, or opened for everything else an axis can do. */
import { useId, useRef, useState } from "react";
import { type Brush, keeps, type ParallelAxis, type ParallelLayout } from "@/charts/parallel";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { Popover } from "@/ui/Popover";
import { Check } from "./Choices";
import styles from "./Compare.module.css";
import { messages } from "./messages";
import { useCompareState } from "./state";

const MAX_OPTIONS = 200;
/** A shorter way of the pointer is a click. */
const CLICK = 6;

export function AxisHeads({ axes, layout }: { axes: ParallelAxis[]; layout: ParallelLayout | null }) {
  const { compare, setCompare } = useCompareState();
  const [drag, setDrag] = useState<{ at: number; from: number; by: number } | null>(null);
  const moved = useRef(false);
  if (!layout) return <div className={styles.axisHeads} />;
  const room = axes.length > 1 ? (layout.x[1] as number) - (layout.x[0] as number) - 8 : 300;
  const ids = axes.map((axis) => axis.id);
  const move = (from: number, to: number) => {
    const next = ids.filter((_, i) => i !== from);
    next.splice(Math.max(0, Math.min(next.length, to)), 0, ids[from] as string);
    if (next.join() !== ids.join()) setCompare({ axes: next });
  };
  const place = (x: number) => {
    const nearest = layout.x.map((one, i) => [Math.abs(one - x), i] as const).sort((a, b) => a[0] - b[0])[0];
    return nearest?.[1] ?? 0;
  };
  return (
    <div className={styles.axisHeads}>
      {axes.map((axis, i) => (
        <div
          key={axis.id}
          className={styles.axisHead}
          data-brushed={compare.brush?.[axis.id] ? true : undefined}
          data-dragged={drag?.at === i || undefined}
          style={{
            left: (layout.x[i] as number) + (drag?.at === i ? drag.by : 0),
            width: Math.max(36, room),
          }}
          onPointerDown={(event) => {
            moved.current = false;
            const button = (event.target as HTMLElement).closest("[data-axis]");
            if (event.button === 0 && button) {
              // The button itself: were it another element, a click that ends here would not be the button's.
              button.setPointerCapture(event.pointerId);
              setDrag({ at: i, from: event.clientX, by: 0 });
            }
          }}
          onPointerMove={(event) => {
            if (drag?.at !== i) return;
            const by = event.clientX - drag.from;
            if (Math.abs(by) > CLICK) moved.current = true;
            setDrag({ ...drag, by });
          }}
          onPointerUp={() => {
            if (drag?.at === i && moved.current) move(i, place((layout.x[i] as number) + drag.by));
            setDrag(null);
          }}
          onPointerCancel={() => setDrag(null)}
          onClickCapture={(event) => {
            // The end of a drag is no click: it must not open the panel.
            if (moved.current) event.preventDefault();
            moved.current = false;
          }}
        >
          <Popover
            label={messages.axisMenu(axis.name.slice(0, 200))}
            trigger={
              <Button data-axis title={axis.name.slice(0, 1_000)}>
                <bdi>
                  <span>{axis.name.slice(0, 200)}</span>
                </bdi>
              </Button>
            }
          >
            {(close) => <AxisPanel axes={axes} at={i} move={move} close={close} />}
          </Popover>
        </div>
      ))}
    </div>
  );
}

function AxisPanel({
  axes,
  at,
  move,
  close,
}: {
  axes: ParallelAxis[];
  at: number;
  move: (from: number, to: number) => void;
  close: () => void;
}) {
  const { compare, setCompare } = useCompareState();
  const axis = axes[at] as ParallelAxis;
  const brush = compare.brush?.[axis.id];
  const setBrush = (next: Brush | null) => {
    const { [axis.id]: _, ...others } = compare.brush ?? {};
    setCompare({ brush: next ? { ...others, [axis.id]: next } : others });
  };
  const act = (what: () => void) => () => {
    close();
    what();
  };
  return (
    <div className={styles.panel}>
      <Button disabled={at === 0} onClick={act(() => move(at, at - 1))}>
        {messages.moveLeft}
      </Button>
      <Button disabled={at === axes.length - 1} onClick={act(() => move(at, at + 1))}>
        {messages.moveRight}
      </Button>
      {axis.scale.kind === "number" && (
        <Check
          label={messages.log}
          checked={axis.scale.log}
          disabled={!axis.scale.canLog}
          onChange={(on) => setCompare({ log: { ...compare.log, [axis.id]: on } })}
        />
      )}
      {axis.scale.kind === "number" ? (
        <RangeForm axis={axis} brush={brush} onSet={act2(close, setBrush)} />
      ) : (
        <div className={styles.options} role="group" aria-label={messages.setRange}>
          {axis.scale.categories.slice(0, MAX_OPTIONS).map((one) => (
            <Check
              key={one}
              label={one.slice(0, 200)}
              checked={!brush || keeps(brush, one)}
              onChange={(on) => {
                const before = axis.scale.categories.filter((name) => !brush || keeps(brush, name));
                const next = on ? [...before, one] : before.filter((name) => name !== one);
                setBrush(next.length && next.length < axis.scale.categories.length ? next : null);
              }}
            />
          ))}
        </div>
      )}
      {brush && <Button onClick={act(() => setBrush(null))}>{messages.clearBrush}</Button>}
      <Button
        onClick={act(() => setCompare({ axes: axes.map((one) => one.id).filter((id) => id !== axis.id) }))}
      >
        {messages.removeAxis}
      </Button>
    </div>
  );
}

const act2 = (close: () => void, set: (brush: Brush) => void) => (brush: Brush) => {
  close();
  set(brush);
};

/** The stretch to keep, in numbers: what dragging does, without a pointer. */
function RangeForm({
  axis,
  brush,
  onSet,
}: {
  axis: ParallelAxis;
  brush: Brush | undefined;
  onSet: (brush: Brush) => void;
}) {
  const id = useId();
  const [low, high] = brush && typeof brush[0] === "number" ? brush : [axis.scale.low, axis.scale.high];
  return (
    <form
      aria-labelledby={id}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const ends = [Number(form.get("from")), Number(form.get("to"))] as [number, number];
        if (ends.every(Number.isFinite)) onSet([Math.min(...ends), Math.max(...ends)]);
      }}
    >
      <span id={id}>{messages.setRange}</span>
      <TextField label={messages.from} name="from" type="number" step="any" defaultValue={String(low)} />
      <TextField label={messages.to} name="to" type="number" step="any" defaultValue={String(high)} />
      <p>
        <Button type="submit">{messages.apply}</Button>
      </p>
    </form>
  );
}
