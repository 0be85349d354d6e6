/** The place under the pointer, shared by all plots in view. Outside of React: it changes with each move. */

export interface CursorPlace {
  /** Which axis of x it lies on: plots with another one don't follow. */
  axis: string;
  x: number | null;
  /** Who set it. */
  source: unknown;
}

let place: CursorPlace = { axis: "", x: null, source: null };
const listeners = new Set<(place: CursorPlace) => void>();

export const cursor = {
  set(next: CursorPlace): void {
    place = next;
    for (const listener of listeners) listener(place);
  },
  watch(listener: (place: CursorPlace) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
