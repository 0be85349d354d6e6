/**
 * Work on plots that nobody points at, such as bringing forward the line that is pointed at elsewhere. It waits until
 * the hand rests, then is done for a few plots a frame: the plot under the pointer comes first.
 */

const REST_MS = 60;
const PER_FRAME = 3;

const waiting = new Map<unknown, () => void>();
let timer = 0;
let frame = 0;

function work(): void {
  frame = 0;
  let left = PER_FRAME;
  for (const [owner, job] of waiting) {
    if (left-- <= 0) break;
    waiting.delete(owner);
    job();
  }
  if (waiting.size) frame = requestAnimationFrame(work);
}

export const followers = {
  /** Do this soon; what the owner asked for before is not done any more. */
  later(owner: unknown, job: () => void): void {
    waiting.set(owner, job);
    cancelAnimationFrame(frame);
    frame = 0;
    window.clearTimeout(timer);
    timer = window.setTimeout(work, REST_MS);
  },
  forget(owner: unknown): void {
    waiting.delete(owner);
  },
};
