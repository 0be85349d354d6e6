/** Boxes and masks beside a picture, as docs/formats/image-overlays.md tells; anybody may have written them. */
import { hasFile, type Place, placeKey, readText } from "./place";

/** What an overlay is called beside its picture. */
export const OVERLAY_SUFFIX = ".overlay.json";
const READ_BYTES = 4 << 20;
const MAX_BOXES = 10_000;
const MAX_MASKS = 20;
const MAX_LABEL = 100;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  label: string;
  score: number | null;
}

export interface Overlay {
  boxes: Box[];
  /** Path of each mask's picture, whose grey values are classes. */
  masks: { name: string; path: string }[];
  labels: Map<number, string>;
}

const textOf = (value: unknown) => (typeof value === "string" ? value.slice(0, MAX_LABEL) : "");
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const fieldsOf = (value: unknown): Record<string, unknown> =>
  value && typeof value === "object" ? (value as Record<string, unknown>) : {};

function boxOf(value: unknown): Box | null {
  const { box, label, score } = fieldsOf(value);
  const numbers = listOf(box).filter((one): one is number => typeof one === "number" && Number.isFinite(one));
  const [x0, y0, x1, y1] = numbers;
  if (numbers.length !== 4 || x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined)
    return null;
  return {
    x: Math.min(x0, x1),
    y: Math.min(y0, y1),
    width: Math.abs(x1 - x0),
    height: Math.abs(y1 - y0),
    label: textOf(label),
    score: typeof score === "number" && Number.isFinite(score) ? score : null,
  };
}

/** What can be drawn of an overlay's text; null for another file, or a newer version. */
export function parseOverlay(text: string, picture: string): Overlay | null {
  let fields: Record<string, unknown>;
  try {
    fields = fieldsOf(JSON.parse(text));
  } catch {
    return null;
  }
  if (fields.overlay !== 1) return null;
  const folder = picture.slice(0, picture.lastIndexOf("/") + 1);
  const masks = listOf(fields.masks)
    .slice(0, MAX_MASKS)
    .map(fieldsOf)
    .filter(({ file }) => typeof file === "string" && file !== "" && !file.includes("/"))
    .map(({ name, file }) => ({ name: textOf(name), path: folder + file }));
  const labels = new Map<number, string>();
  for (const [key, name] of Object.entries(fieldsOf(fields.labels)).slice(0, 256))
    labels.set(Number(key), textOf(name));
  const boxes = listOf(fields.boxes)
    .slice(0, MAX_BOXES)
    .map(boxOf)
    .filter((box) => box !== null);
  return { boxes, masks, labels };
}

export const overlayQuery = (place: Place, path: string) => ({
  queryKey: ["files", "overlay", placeKey(place), path],
  queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Overlay | null> => {
    const wanted = path + OVERLAY_SUFFIX;
    if (!(await hasFile(place, wanted, signal))) return null;
    const piece = await readText(place, wanted, { offset: 0, limit: READ_BYTES }, signal);
    return parseOverlay(piece.text, path);
  },
  staleTime: 30_000,
  retry: false,
});

/** Several overlays as one that has the classes of all: what is switched off is off in each picture. */
export function togetherOf(overlays: readonly Overlay[]): Overlay | null {
  if (!overlays.length) return null;
  const masks = new Map(overlays.flatMap((one) => one.masks.map((mask) => [mask.name, mask])));
  return {
    boxes: overlays.flatMap((one) => one.boxes),
    masks: [...masks.values()],
    labels: new Map(overlays.flatMap((one) => [...one.labels])),
  };
}

export const classOf = (overlay: Overlay, value: number) => overlay.labels.get(value) ?? String(value);

/** Colour and cover of the pixels of a mask; class 0 and hidden classes stay clear. */
export function paintMask(
  pixels: Uint8ClampedArray,
  colourAt: (value: number) => [number, number, number] | null,
): Set<number> {
  const found = new Set<number>();
  const cover = 130;
  const colours = Array.from({ length: 256 }, (_, value) => (value ? colourAt(value) : null));
  for (let at = 0; at < pixels.length; at += 4) {
    const value = pixels[at] as number;
    if (value) found.add(value);
    const colour = colours[value];
    pixels[at + 3] = colour ? cover : 0;
    if (!colour) continue;
    pixels[at] = colour[0];
    pixels[at + 1] = colour[1];
    pixels[at + 2] = colour[2];
  }
  return found;
}
