/** What hands do over a plot: point, drag a range, pinch, wheel with Ctrl, click, double-click. Pixels of the element. */

export interface Gestures {
  point: (x: number, y: number) => void;
  leave: () => void;
  /** A range being dragged; null when it is given up. */
  drag: (range: [number, number] | null) => void;
  /** A range was chosen. */
  select: (range: [number, number]) => void;
  /** Enlarge (below 1) or shrink around a place; `done` when the fingers are off. */
  zoom: (x: number, factor: number) => void;
  pan: (pixels: number) => void;
  settle: () => void;
  click: (x: number, y: number, event: PointerEvent) => void;
  reset: () => void;
}

const LEAST_DRAG_PX = 5;
const SETTLE_MS = 180;
const DOUBLE_CLICK_MS = 350;
const KEEP_BOX_MS = 500;

export function listen(element: HTMLElement, to: Gestures): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  let start: { x: number; y: number; pan: boolean } | null = null;
  let spread = 0;
  let timer = 0;
  let lastClick = { time: 0, x: 0 };
  /** Where the element is; kept for some moves, as asking lays the page out. */
  let box: DOMRect | null = null;
  let seenAt = 0;
  const place = (event: PointerEvent | WheelEvent | MouseEvent) => {
    if (!box || event.timeStamp - seenAt > KEEP_BOX_MS) {
      box = element.getBoundingClientRect();
      seenAt = event.timeStamp;
    }
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const moved = () => {
    box = null;
  };
  const settleSoon = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(to.settle, SETTLE_MS);
  };

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    moved();
    const at = place(event);
    pointers.set(event.pointerId, at);
    element.setPointerCapture(event.pointerId);
    if (pointers.size === 1) start = { ...at, pan: event.shiftKey };
    if (pointers.size === 2) {
      start = null;
      to.drag(null);
      const [a, b] = [...pointers.values()];
      spread = Math.abs(a!.x - b!.x);
    }
  };
  const move = (event: PointerEvent) => {
    const at = place(event);
    const before = pointers.get(event.pointerId);
    if (before) pointers.set(event.pointerId, at);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const now = Math.abs(a!.x - b!.x);
      if (spread > 20 && now > 20) to.zoom((a!.x + b!.x) / 2, spread / now);
      spread = now;
      return;
    }
    if (start && before) {
      if (start.pan) to.pan(at.x - before.x);
      else if (Math.abs(at.x - start.x) >= LEAST_DRAG_PX) to.drag([start.x, at.x]);
    }
    to.point(at.x, at.y);
  };
  const up = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (!start) {
      if (pointers.size === 0) to.settle();
      return;
    }
    const from = start;
    const at = place(event);
    start = null;
    to.drag(null);
    if (from.pan) to.settle();
    else if (Math.abs(at.x - from.x) >= LEAST_DRAG_PX)
      to.select([Math.min(from.x, at.x), Math.max(from.x, at.x)]);
    else if (event.timeStamp - lastClick.time < DOUBLE_CLICK_MS && Math.abs(at.x - lastClick.x) < 8)
      to.reset();
    else {
      lastClick = { time: event.timeStamp, x: at.x };
      to.click(at.x, at.y, event);
    }
  };
  const cancel = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    start = null;
    to.drag(null);
  };
  const leave = () => {
    if (!pointers.size) to.leave();
  };
  const wheel = (event: WheelEvent) => {
    // A pinch on a touch pad arrives as a wheel with Ctrl.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    to.zoom(place(event).x, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.008));
    settleSoon();
  };
  element.addEventListener("pointerenter", moved);
  window.addEventListener("scroll", moved, { capture: true, passive: true });
  window.addEventListener("resize", moved);
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
  element.addEventListener("pointerleave", leave);
  element.addEventListener("wheel", wheel, { passive: false });
  return () => {
    window.clearTimeout(timer);
    element.removeEventListener("pointerenter", moved);
    window.removeEventListener("scroll", moved, { capture: true });
    window.removeEventListener("resize", moved);
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", cancel);
    element.removeEventListener("pointerleave", leave);
    element.removeEventListener("wheel", wheel);
  };
}
