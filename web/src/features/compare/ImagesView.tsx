/** Pictures of the same key side by side over runs, all at one step; zoom and place are locked to each other. */
import { ChevronLeft, ChevronRight, Pause, Play } from "lucide-react";
import { type UIEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { SwitchBar, useSwitches } from "@/features/files/OverlayView";
import { Button, IconButton } from "@/ui/Button";
import { SelectField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Check } from "./Choices";
import type { ViewProps } from "./Compare";
import styles from "./Compare.module.css";
import { useFiles } from "./files";
import { messages } from "./messages";
import { PictureOf } from "./PictureOf";
import { picturesOf, upTo } from "./pictures";
import { useCompareState } from "./state";
import { useOverlays } from "./useOverlays";

/** Runs whose files are listed, and runs whose pictures are shown. */
const MAX_LISTED = 100;
const MAX_RUNS = 24;
/** So few are shown in full: small copies are blurred. */
const FEW = 8;
const FRAME_MS = 600;
const ZOOMS = [1, 2, 4, 8];

export function ImagesView({ runs }: ViewProps) {
  const { compare, setCompare } = useCompareState();
  const listed = useMemo(() => runs.slice(0, MAX_LISTED), [runs]);
  const ids = useMemo(() => listed.map((run) => run.id), [listed]);
  const files = useFiles(ids);
  const paths = files.lists.map((list) => list?.paths.join("\n") ?? "").join("\n\n");
  const pictures = useMemo(() => paths.split("\n\n").map((list) => picturesOf(list.split("\n"))), [paths]);
  const keys = useMemo(() => [...new Set(pictures.flatMap((one) => [...one.keys()]))].sort(), [pictures]);
  const key = compare.image ?? keys[0];
  const steps = useMemo(
    () =>
      [
        ...new Set(
          pictures.flatMap((one) => (key ? (one.get(key)?.map((picture) => picture.step) ?? []) : [])),
        ),
      ].sort((a, b) => a - b),
    [pictures, key],
  );
  const last = steps[steps.length - 1] ?? 0;
  const step = compare.step ?? last;
  const at = Math.max(
    0,
    steps.findLastIndex((one) => one <= step),
  );
  const frames = useRef<HTMLDivElement>(null);
  const having = listed.flatMap((run, i) => {
    const list = key ? pictures[i]?.get(key) : undefined;
    return list ? [{ run, list, paths: files.lists[i]?.paths ?? [] }] : [];
  });
  const shown = having.slice(0, MAX_RUNS);
  const { overlays, together } = useOverlays(
    shown.map(({ run, list, paths }) => ({ runId: run.id, path: upTo(list, step)?.path, paths })),
  );
  const switches = useSwitches(together);

  if (files.error && files.lists.every((list) => !list)) {
    return <ErrorNotice error={files.error} retry={files.retry} />;
  }
  if (!key && files.waiting) return <Skeleton height={360} />;
  if (!key) {
    return (
      <Notice title={messages.noImages}>
        <code>{messages.noImagesHint}</code>
      </Notice>
    );
  }
  const zoom = ZOOMS.find((one) => one === compare.zoom);
  const first = shown[0];
  const base = upTo(first?.list, step);
  const sync = (event: UIEvent<HTMLElement>) => {
    const from = event.currentTarget;
    for (const other of frames.current?.querySelectorAll<HTMLElement>("[data-frame]") ?? []) {
      if (other === from) continue;
      if (other.scrollLeft !== from.scrollLeft) other.scrollLeft = from.scrollLeft;
      if (other.scrollTop !== from.scrollTop) other.scrollTop = from.scrollTop;
    }
  };
  return (
    <>
      <div className={styles.bar}>
        <SelectField
          label={messages.image}
          className={styles.select}
          value={key}
          onChange={(event) => setCompare({ image: event.target.value, step: undefined })}
        >
          {!keys.includes(key) && <option value={key}>{key.slice(0, 300)}</option>}
          {keys.map((one) => (
            <option key={one} value={one}>
              {one.slice(0, 300)}
            </option>
          ))}
        </SelectField>
        {steps.length > 1 && (
          <Steps steps={steps} at={at} onStep={(next) => setCompare({ step: next }, { replace: true })} />
        )}
        <SelectField
          label={messages.zoom}
          value={zoom ?? ""}
          onChange={(event) => setCompare({ zoom: Number(event.target.value) || undefined })}
        >
          <option value="">{messages.zooms.fit}</option>
          {ZOOMS.map((one) => (
            <option key={one} value={one}>
              {one} ×
            </option>
          ))}
        </SelectField>
        <Check
          label={messages.blend}
          checked={Boolean(compare.blend)}
          onChange={(on) => setCompare({ blend: on || undefined })}
        />
      </div>
      {runs.length > shown.length && (
        <p className={styles.note} role="status">
          {messages.picturesOf(shown.length, having.length, listed.length)}
        </p>
      )}
      {files.lists.some((list) => list?.cut) && <p className={styles.note}>{messages.imagesCut}</p>}
      <SwitchBar switches={switches} />
      <div ref={frames} className={styles.images}>
        {shown.map(({ run, list }, i) => (
          <PictureOf
            key={run.id}
            run={run}
            name={key}
            picture={upTo(list, step)}
            under={compare.blend && i > 0 && first && base ? { run: first.run, picture: base } : null}
            zoom={zoom}
            full={shown.length <= FEW}
            overlay={overlays[i] ?? null}
            switches={switches}
            onScroll={sync}
          />
        ))}
      </div>
    </>
  );
}

function Steps({
  steps,
  at,
  onStep,
}: {
  steps: readonly number[];
  at: number;
  onStep: (step: number) => void;
}) {
  const id = useId();
  const [playing, setPlaying] = useState(false);
  const latest = useRef({ steps, at, onStep });
  latest.current = { steps, at, onStep };
  useEffect(() => {
    if (!playing) return;
    const timer = window.setInterval(() => {
      const now = latest.current;
      now.onStep(now.steps[(now.at + 1) % now.steps.length] as number);
    }, FRAME_MS);
    return () => window.clearInterval(timer);
  }, [playing]);
  const go = (to: number) => onStep(steps[Math.max(0, Math.min(steps.length - 1, to))] as number);
  const current = steps[at] as number;
  return (
    <span>
      <label htmlFor={id}>
        {messages.step} {current.toLocaleString()}
      </label>
      <span className={styles.status}>
        <IconButton label={messages.previous} disabled={at === 0} onClick={() => go(at - 1)}>
          <ChevronLeft size={16} />
        </IconButton>
        <input
          id={id}
          type="range"
          className={styles.slider}
          min={0}
          max={steps.length - 1}
          value={at}
          aria-valuetext={messages.atStep(current)}
          onChange={(event) => go(Number(event.target.value))}
        />
        <IconButton label={messages.next} disabled={at === steps.length - 1} onClick={() => go(at + 1)}>
          <ChevronRight size={16} />
        </IconButton>
        <Button onClick={() => setPlaying(!playing)}>
          {playing ? <Pause size={14} /> : <Play size={14} />}
          {playing ? messages.pause : messages.play}
        </Button>
      </span>
    </span>
  );
}
