/** A canvas as wide as its place: drawn anew when its size, the theme or what it shows changes. */
import { type PointerEvent as ReactPointerEvent, useEffect, useRef, useState } from "react";
import { useDark } from "@/charts/colours";
import type { Look } from "@/charts/scatterScale";
import styles from "./Compare.module.css";

export interface Size {
  width: number;
  height: number;
}
export type Draw = (ctx: CanvasRenderingContext2D, size: Size, look: Look) => void;

/** The page's colours as a canvas can use them: tokens are resolved by the browser, on the element itself. */
function lookOf(element: HTMLElement, dark: boolean): Look {
  const colour = (token: string) => {
    // One probe each: where colours have transitions, a changed one would still tell the old colour.
    const probe = document.createElement("span");
    probe.style.color = `var(${token})`;
    element.parentElement?.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  return {
    dark,
    text: colour("--text"),
    quiet: colour("--quiet"),
    line: colour("--line"),
    edge: colour("--edge"),
    accent: colour("--accent"),
    page: colour("--page"),
    font: `12px ${getComputedStyle(element).fontFamily}`,
  };
}

/** Where the pointer is on the canvas, in CSS pixels. */
export function pointOf(event: ReactPointerEvent<HTMLElement>): { x: number; y: number } {
  const box = event.currentTarget.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

export function Canvas({
  draw,
  over,
  label,
  height,
  cursor,
  onSize,
  ...pointer
}: {
  draw: Draw;
  /** Drawn on a layer above, for what changes with the pointer. */
  over?: Draw;
  label: string;
  height: number;
  cursor?: string;
  onSize?: (size: Size) => void;
} & Pick<
  React.HTMLAttributes<HTMLDivElement>,
  "onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerLeave" | "onPointerCancel" | "onClick"
>) {
  const frame = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const dark = useDark();
  const told = useRef(onSize);
  told.current = onSize;

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    setWidth(Math.floor(element.clientWidth));
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width) told.current?.({ width, height });
  }, [width, height]);
  useEffect(() => paint(below.current, draw, { width, height }, dark), [draw, width, height, dark]);
  useEffect(() => paint(above.current, over, { width, height }, dark), [over, width, height, dark]);

  return (
    <div ref={frame} className={styles.canvas} style={{ height, cursor }} {...pointer}>
      <canvas ref={below} role="img" aria-label={label} />
      <canvas ref={above} />
    </div>
  );
}

function paint(canvas: HTMLCanvasElement | null, draw: Draw | undefined, size: Size, dark: boolean): void {
  const ctx = canvas?.getContext("2d");
  if (!canvas || !ctx || !size.width) return;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  canvas.style.width = `${size.width}px`;
  canvas.style.height = `${size.height}px`;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, size.width, size.height);
  draw?.(ctx, size, lookOf(canvas, dark));
}
