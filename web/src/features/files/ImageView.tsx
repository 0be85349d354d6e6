/** A picture: fitted or zoomed to its pixels; one of a series is stepped through. */
import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, ChevronRight, Minus, Pause, Play, Plus } from "lucide-react";
import { type RefObject, useEffect, useRef, useState } from "react";
import { Button, IconButton } from "@/ui/Button";
import { Notice } from "@/ui/Notice";
import { BytesView } from "./BytesView";
import { seriesImage, seriesOf } from "./imageSeries";
import { messages } from "./messages";
import { OverlayLayers, SwitchBar, useSwitches } from "./OverlayView";
import { overlayQuery } from "./overlay";
import { listFolder, type Place, placeKey, rawUrl } from "./place";
import styles from "./views.module.css";

const ZOOMS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
const PLAY_MS = 700;

export interface ImageViewProps {
  place: Place;
  path: string;
  onPath: (path: string, options?: { replace?: boolean }) => void;
}

export default function ImageView({ place, path, onPath }: ImageViewProps) {
  return (
    <div className={styles.fill}>
      <Steps place={place} path={path} onPath={onPath} />
      <Picture key={path} src={rawUrl(place, path)} name={path} place={place} path={path} />
    </div>
  );
}

export function Picture({
  src,
  name,
  place,
  path,
}: {
  src: string;
  name: string;
  place: Place;
  path: string;
}) {
  const [zoom, setZoom] = useState<number | null>(null);
  const [size, setSize] = useState<[number, number] | null>(null);
  const [broken, setBroken] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const overlay = useQuery(overlayQuery(place, path)).data ?? null;
  const switches = useSwitches(overlay);
  const room = useRoom(box);
  const nearest = () => {
    const shown = box.current?.querySelector("img")?.getBoundingClientRect().width ?? 0;
    return size?.[0] ? shown / size[0] : 1;
  };
  const step = (by: 1 | -1) => {
    const now = zoom ?? nearest();
    const next = by > 0 ? ZOOMS.find((one) => one > now * 1.01) : ZOOMS.findLast((one) => one < now * 0.99);
    if (next !== undefined) setZoom(next);
  };
  const zoomed = useRef(step);
  zoomed.current = step;
  useEffect(() => {
    const element = box.current;
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoomed.current(event.deltaY < 0 ? 1 : -1);
    };
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, []);
  // Layers lie exactly over the picture when both have a size in pixels; alone it is fitted by its style.
  const factor = zoom ?? (overlay && size ? Math.min(1, room[0] / size[0], room[1] / size[1]) : null);
  const shown = factor !== null && size ? { width: size[0] * factor, height: size[1] * factor } : undefined;
  if (broken) {
    return (
      <>
        <Notice title={messages.notThisKind} tone="warn">
          {messages.notThisKindHint}
        </Notice>
        <BytesView place={place} path={path} />
      </>
    );
  }
  return (
    <>
      <div className={styles.tools}>
        <IconButton label={messages.zoomOut} onClick={() => step(-1)}>
          <Minus size={16} />
        </IconButton>
        <IconButton label={messages.zoomIn} onClick={() => step(1)}>
          <Plus size={16} />
        </IconButton>
        <Button kind="quiet" aria-pressed={zoom === null} onClick={() => setZoom(null)}>
          {messages.fit}
        </Button>
        <Button kind="quiet" aria-pressed={zoom === 1} onClick={() => setZoom(1)}>
          {messages.actual}
        </Button>
        {size && <span className={styles.quiet}>{messages.pixels(...size)}</span>}
      </div>
      <SwitchBar switches={switches} />
      <div
        ref={box}
        className={styles.picture}
        data-fit={zoom === null || undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        role="group"
        aria-label={name}
      >
        <div className={styles.layers} data-over={(overlay && size) !== null || undefined} style={shown}>
          <img
            src={src}
            alt={name}
            data-pixels={(zoom ?? 1) >= 2 || undefined}
            style={shown}
            onLoad={(event) => setSize([event.currentTarget.naturalWidth, event.currentTarget.naturalHeight])}
            onError={() => setBroken(true)}
          />
          {overlay && size && (
            <OverlayLayers
              overlay={overlay}
              switches={switches}
              place={place}
              size={size}
              factor={factor ?? 1}
            />
          )}
        </div>
      </div>
    </>
  );
}

const PADDING = 24;

/** How much room the picture has, in pixels. */
function useRoom(box: RefObject<HTMLDivElement | null>): [number, number] {
  const [room, setRoom] = useState<[number, number]>([1, 1]);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => {
      const target = entry?.target;
      if (target) setRoom([target.clientWidth - PADDING, target.clientHeight - PADDING]);
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  return room;
}

function Steps({ place, path, onPath }: ImageViewProps) {
  const image = seriesImage(path);
  const [playing, setPlaying] = useState(false);
  const listing = useQuery({
    queryKey: ["files", "series", placeKey(place), image?.folder, image?.key],
    queryFn: ({ signal }) =>
      listFolder(place, { path: image?.folder ?? "", search: `${image?.key}` }, signal),
    enabled: image !== null,
    staleTime: 10_000,
  });
  const series = image ? seriesOf(image, listing.data?.entries ?? []) : [];
  const at = series.findIndex((one) => one.step === image?.step);
  const go = useRef((_to: number) => {});
  go.current = (to) => {
    const next = series[(to + series.length) % series.length];
    if (next) onPath(next.path, { replace: true });
  };
  useEffect(() => {
    if (!playing) return;
    const timer = window.setTimeout(() => go.current(at + 1), PLAY_MS);
    return () => window.clearTimeout(timer);
  }, [playing, at]);
  if (!image || series.length < 2) return null;
  return (
    <div className={styles.tools}>
      <bdi>{image.key}</bdi>
      <IconButton label={playing ? messages.pause : messages.play} onClick={() => setPlaying(!playing)}>
        {playing ? <Pause size={16} /> : <Play size={16} />}
      </IconButton>
      <IconButton label={messages.previousStep} onClick={() => go.current(at - 1)}>
        <ChevronLeft size={16} />
      </IconButton>
      <input
        type="range"
        aria-label={messages.step}
        aria-valuetext={messages.stepOf(String(image.step), at + 1, series.length)}
        min={0}
        max={series.length - 1}
        value={Math.max(0, at)}
        onChange={(event) => go.current(Number(event.target.value))}
      />
      <IconButton label={messages.nextStep} onClick={() => go.current(at + 1)}>
        <ChevronRight size={16} />
      </IconButton>
      <span className={styles.quiet}>{messages.stepOf(String(image.step), at + 1, series.length)}</span>
    </div>
  );
}
