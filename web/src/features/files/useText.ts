/** A file's text in a component: read as far as somebody wants it. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { type Place, placeKey, readText } from "./place";
import { TextSource, type TextState } from "./textSource";

export const PIECE_BYTES = 1 << 20;

/** The source is made anew for another file; its first piece is on its way at once. */
export function useText(
  place: Place,
  path: string,
  pieceBytes = PIECE_BYTES,
): { source: TextSource; state: TextState } {
  const key = placeKey(place);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all that a place does
  const source = useMemo(
    () => new TextSource((range, signal) => readText(place, path, range, signal), pieceBytes),
    [key, path, pieceBytes],
  );
  useEffect(() => {
    source.begin();
    return () => source.stop();
  }, [source]);
  const state = useSyncExternalStore(source.watch, source.get);
  return { source, state };
}
