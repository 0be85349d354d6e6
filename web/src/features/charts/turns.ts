/**
 * Panels take turns: while the page scrolls, what came into view and what data arrived is shown for a few panels a
 * frame, so that it stays smooth.
 */
import { flushSync } from "react-dom";

/** What rendering may take of a frame while the page scrolls. Standing still, all at once is done soonest. */
const SCROLLING_MS = 5;
const SCROLL_ENDS_MS = 150;

const waiting = new Map<object, () => void>();
let frame = 0;
let scrolledAt = Number.NEGATIVE_INFINITY;

window.addEventListener(
  "scroll",
  () => {
    scrolledAt = performance.now();
  },
  { capture: true, passive: true },
);

function work(): void {
  frame = 0;
  const start = performance.now();
  if (document.hidden || start - scrolledAt > SCROLL_ENDS_MS) {
    const jobs = [...waiting.values()];
    waiting.clear();
    for (const job of jobs) job();
    return;
  }
  for (const [owner, job] of waiting) {
    waiting.delete(owner);
    // At once, or its cost would fall into a task of all of them.
    flushSync(job);
    if (performance.now() - start > SCROLLING_MS) break;
  }
  if (waiting.size) next();
}

function next(): void {
  // A hidden page has no frames.
  if (document.hidden) window.setTimeout(work);
  else if (!frame) frame = requestAnimationFrame(work);
}

/** Run a change of state when it is its owner's turn; a later one of the same owner takes its place. */
export function inTurn(owner: object, job: () => void): void {
  waiting.set(owner, job);
  next();
}

export function forgetTurn(owner: object): void {
  waiting.delete(owner);
}
