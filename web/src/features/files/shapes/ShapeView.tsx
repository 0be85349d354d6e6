/** A cloud of points or a mesh, turned and zoomed by pointer and keys; drawn without a graphics card. */
import { useQuery } from "@tanstack/react-query";
import { Minus, Plus, RotateCcw } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { send } from "@/api/client";
import { Button, IconButton } from "@/ui/Button";
import { formatNumber } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { BytesView } from "../BytesView";
import { messages } from "../messages";
import { factsQuery, type Place, placeKey } from "../place";
import { visible } from "../spans";
import views from "../views.module.css";
import { type Camera, draw, type Model, modelOf, START } from "./draw";
import { messages as words } from "./messages";
import { Refusal, type Shape } from "./shape";
import styles from "./shapes.module.css";
import type { ShapeAnswer, ShapeRequest } from "./shapes.worker";

/** Of a larger file only the beginning is read. */
const MAX_BYTES = 64 << 20;
/** A picture has no more pixels than this in each direction, however fine the screen is. */
const MAX_SIDE = 1_400;
const TURN = 0.12;
const ZOOM = 1.25;
const PER_PIXEL = 0.008;
const STILL_MS = 160;

const KEYS: Record<string, "reset" | { turn?: number; tilt?: number; zoom?: number }> = {
  ArrowLeft: { turn: -TURN },
  ArrowRight: { turn: TURN },
  ArrowUp: { tilt: TURN },
  ArrowDown: { tilt: -TURN },
  "+": { zoom: ZOOM },
  "=": { zoom: ZOOM },
  "-": { zoom: 1 / ZOOM },
  "0": "reset",
};

interface Loaded {
  shape: Shape;
  isCut: boolean;
}

/** Hand the bytes to a worker, and end it with the question. */
function parse(request: ShapeRequest, signal: AbortSignal): Promise<Shape> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./shapes.worker.ts", import.meta.url), { type: "module" });
    const end = (error: Error | null, shape?: Shape) => {
      worker.terminate();
      if (shape) resolve(shape);
      else reject(error);
    };
    worker.onmessage = ({ data }: MessageEvent<ShapeAnswer>) => {
      if ("shape" in data) end(null, data.shape);
      else end(new Refusal(data.refusal ?? words.unreadable));
    };
    worker.onerror = () => end(new Refusal(words.unreadable));
    signal.addEventListener("abort", () => end(new Error("stopped")), { once: true });
    worker.postMessage(request, [request.bytes]);
  });
}

async function load(place: Place, path: string, size: number, signal: AbortSignal): Promise<Loaded> {
  if (size === 0) throw new Refusal(messages.emptyFile);
  const isCut = size > MAX_BYTES;
  const answer = await send("/api/assay/v1/files/raw", {
    query: { ...place, path },
    headers: { range: `bytes=0-${MAX_BYTES - 1}` },
    signal,
  });
  const bytes = await answer.arrayBuffer();
  return { shape: await parse({ bytes, name: path, isCut }, signal), isCut };
}

export default function ShapeView({ place, path }: { place: Place; path: string }) {
  const size = useQuery(factsQuery(place, path)).data?.size;
  const found = useQuery({
    queryKey: ["files", "shape", placeKey(place), path],
    queryFn: ({ signal }) => load(place, path, size ?? 0, signal),
    enabled: size !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // Some tens of megabytes: not kept longer than they are looked at.
    gcTime: 0,
    retry: false,
  });
  if (found.error instanceof Refusal) {
    return (
      <div className={views.fill}>
        <Notice title={messages.notThisKind} tone="warn">
          {visible(found.error.message)}
        </Notice>
        <BytesView place={place} path={path} />
      </div>
    );
  }
  if (found.isError) return <ErrorNotice error={found.error} retry={() => found.refetch()} />;
  if (!found.data) return <Skeleton height={360} />;
  return <Stage loaded={found.data} path={path} />;
}

function Stage({ loaded: { shape, isCut }, path }: { loaded: Loaded; path: string }) {
  const [camera, setCamera] = useState<Camera>({ ...START, up: shape.up });
  const [moving, setMoving] = useState(false);
  const model = useMemo(() => modelOf(shape, camera.up), [shape, camera.up]);
  const still = useRef(0);
  const from = useRef<[number, number] | null>(null);
  useEffect(() => () => window.clearTimeout(still.current), []);

  const move = (change: (camera: Camera) => Partial<Camera>) => {
    setMoving(true);
    setCamera((before) => ({ ...before, ...change(before) }));
    window.clearTimeout(still.current);
    still.current = window.setTimeout(() => setMoving(false), STILL_MS);
  };
  const turn = (by: number, tilt: number) =>
    move((before) => ({
      turn: before.turn + by,
      tilt: Math.max(-Math.PI / 2, Math.min(Math.PI / 2, before.tilt + tilt)),
    }));
  const zoom = (by: number) => move((before) => ({ zoom: Math.max(0.2, Math.min(60, before.zoom * by)) }));
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = KEYS[event.key];
    if (!does) return;
    event.preventDefault();
    if (does === "reset") move(() => START);
    else if (does.zoom) zoom(does.zoom);
    else turn(does.turn ?? 0, does.tilt ?? 0);
  };
  const drag = (event: PointerEvent<HTMLElement>) => {
    if (!from.current) return;
    const [x, y] = from.current;
    from.current = [event.clientX, event.clientY];
    turn((event.clientX - x) * PER_PIXEL, (event.clientY - y) * PER_PIXEL);
  };
  const drawnPoints = shape.points.length / 3;
  const drawnTriangles = shape.triangles.length / 3;
  const about = words.about(shape.totalPoints, shape.totalTriangles);
  return (
    <div className={views.fill}>
      <div className={views.tools}>
        <IconButton label={messages.zoomOut} onClick={() => zoom(1 / ZOOM)}>
          <Minus size={16} />
        </IconButton>
        <IconButton label={messages.zoomIn} onClick={() => zoom(ZOOM)}>
          <Plus size={16} />
        </IconButton>
        <IconButton label={words.reset} onClick={() => move(() => START)}>
          <RotateCcw size={16} />
        </IconButton>
        <Button
          kind="quiet"
          onClick={() => setCamera((before) => ({ ...before, up: before.up === "y" ? "z" : "y" }))}
        >
          {words.upright(camera.up)}
        </Button>
        <span className={views.quiet}>
          {about} · {words.extent(model.size.map((one) => formatNumber(one)).join(" × "))}
        </span>
      </div>
      {(isCut || shape.totalPoints > drawnPoints) && (
        <p className={views.quiet}>{words.cut(drawnPoints, shape.totalPoints)}</p>
      )}
      {shape.totalTriangles > drawnTriangles && (
        <p className={views.quiet}>{words.cutTriangles(drawnTriangles, shape.totalTriangles)}</p>
      )}
      <div
        className={styles.stage}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys turn what is drawn
        tabIndex={0}
        role="group"
        aria-label={words.drawn(about, visible(path).slice(0, 300))}
        aria-describedby="shape-keys"
        onKeyDown={press}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          from.current = [event.clientX, event.clientY];
        }}
        onPointerMove={drag}
        onPointerUp={() => {
          from.current = null;
        }}
        onPointerCancel={() => {
          from.current = null;
        }}
      >
        <Drawn model={model} camera={camera} quick={moving} label={about} onZoom={zoom} />
      </div>
      <p id="shape-keys" className={views.quiet}>
        {words.keys}
      </p>
    </div>
  );
}

/** The canvas, drawn once a frame and only when something changed. */
function Drawn({
  model,
  camera,
  quick,
  label,
  onZoom,
}: {
  model: Model;
  camera: Camera;
  quick: boolean;
  label: string;
  onZoom: (by: number) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<[number, number] | null>(null);
  const [whole, setWhole] = useState(true);
  const zoomed = useRef(onZoom);
  zoomed.current = onZoom;
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (!box) return;
    const observer = new ResizeObserver(() => {
      const fine = Math.min(2, window.devicePixelRatio);
      const side = (pixels: number) => Math.max(1, Math.min(MAX_SIDE, Math.round(pixels * fine)));
      setSize([side(box.clientWidth), side(box.clientHeight)]);
    });
    observer.observe(box);
    // Without the key the wheel scrolls the page, as everywhere.
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoomed.current(event.deltaY < 0 ? ZOOM : 1 / ZOOM);
    };
    box.addEventListener("wheel", turn, { passive: false });
    return () => {
      observer.disconnect();
      box.removeEventListener("wheel", turn);
    };
  }, []);
  useEffect(() => {
    if (!size) return;
    const frame = requestAnimationFrame(() => {
      const context = canvas.current?.getContext("2d");
      if (!context || !canvas.current) return;
      const picture = draw(model, camera, size, quick);
      canvas.current.width = picture.width;
      canvas.current.height = picture.height;
      context.putImageData(new ImageData(picture.pixels, picture.width, picture.height), 0, 0);
      setWhole(picture.whole);
    });
    return () => cancelAnimationFrame(frame);
  }, [model, camera, size, quick]);
  return (
    <>
      <canvas ref={canvas} role="img" aria-label={label} />
      {!whole && (
        <p className={styles.note} role="status">
          {words.tooMuch}
        </p>
      )}
    </>
  );
}
