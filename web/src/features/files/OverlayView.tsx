/** Boxes and masks over a picture, and the switches of their classes. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { distinctColours, useDark } from "@/charts/colours";
import { formatNumber } from "@/ui/format";
import { messages } from "./messages";
import { classOf, type Overlay, paintMask } from "./overlay";
import { type Place, rawUrl } from "./place";
import { visible } from "./spans";
import styles from "./views.module.css";

/** Beyond this the labels of boxes would cover the picture; hovering still tells them. */
const MAX_LABELS = 200;
const LABEL_PX = 12;
const MAX_MASK_PIXELS = 64 << 20;

const partsOf = (colour: string): [number, number, number] => [
  Number.parseInt(colour.slice(1, 3), 16),
  Number.parseInt(colour.slice(3, 5), 16),
  Number.parseInt(colour.slice(5, 7), 16),
];

export interface Switches {
  /** Classes, then the names of masks where there are several. */
  classes: string[];
  layers: string[];
  hidden: ReadonlySet<string>;
  colours: Map<string, string>;
  toggle: (key: string) => void;
  met: (classes: string[]) => void;
}

export function useSwitches(overlay: Overlay | null): Switches {
  const dark = useDark();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [inMasks, setInMasks] = useState<string[]>([]);
  const met = useCallback(
    (classes: string[]) =>
      setInMasks((before) =>
        classes.every((one) => before.includes(one)) ? before : [...new Set([...before, ...classes])],
      ),
    [],
  );
  const classes = [...new Set([...(overlay?.boxes.map((box) => box.label) ?? []), ...inMasks])].sort();
  const names = classes.join("\n");
  // The same map while the classes are the same: masks are painted anew with another one.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the names say all that the classes do
  const colours = useMemo(() => distinctColours(classes, dark), [names, dark]);
  const layers = overlay && overlay.masks.length > 1 ? overlay.masks.map((mask) => mask.name) : [];
  const toggle = (key: string) =>
    setHidden((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });
  return { classes, layers, hidden, colours, toggle, met };
}

export function SwitchBar({ switches }: { switches: Switches }) {
  const { classes, layers, hidden, colours, toggle } = switches;
  if (!classes.length) return null;
  const one = (key: string, name: string, colour?: string) => (
    <label key={key} className={styles.switch}>
      <input type="checkbox" checked={!hidden.has(key)} onChange={() => toggle(key)} />
      {colour && <span className={styles.swatch} style={{ background: colour }} aria-hidden="true" />}
      <bdi>{visible(name) || messages.unnamed}</bdi>
    </label>
  );
  return (
    <fieldset className={styles.switches}>
      <legend>{messages.overlay}</legend>
      {classes.slice(0, 256).map((name) => one(`class:${name}`, name, colours.get(name)))}
      {layers.map((name) => one(`mask:${name}`, messages.maskOf(name)))}
    </fieldset>
  );
}

interface LayersProps {
  overlay: Overlay;
  switches: Switches;
  place: Place;
  size: [number, number];
  /** Pixels of the screen per pixel of the picture: labels keep their size at any zoom. */
  factor: number;
}

export function OverlayLayers({ overlay, switches, place, size, factor }: LayersProps) {
  const { hidden, colours } = switches;
  const boxes = overlay.boxes.filter((box) => !hidden.has(`class:${box.label}`));
  return (
    <>
      {overlay.masks
        .filter((mask) => !hidden.has(`mask:${mask.name}`))
        .map((mask) => (
          <Mask
            key={mask.path}
            src={rawUrl(place, mask.path)}
            name={mask.name}
            overlay={overlay}
            switches={switches}
          />
        ))}
      <svg
        className={styles.layer}
        viewBox={`0 0 ${size[0]} ${size[1]}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={messages.boxes(boxes.length)}
      >
        {boxes.map((box, place) => {
          const told = visible(box.label) + (box.score === null ? "" : ` ${formatNumber(box.score)}`);
          const colour = colours.get(box.label);
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: boxes have nothing but their place
            <g key={place} style={{ color: colour }}>
              <rect x={box.x} y={box.y} width={box.width} height={box.height}>
                <title>{told}</title>
              </rect>
              {boxes.length <= MAX_LABELS && (
                <text x={box.x} y={box.y} dy="-0.25em" fontSize={LABEL_PX / factor}>
                  {told}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </>
  );
}

function Mask({
  src,
  name,
  overlay,
  switches,
}: {
  src: string;
  name: string;
  overlay: Overlay;
  switches: Switches;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [picture, setPicture] = useState<HTMLImageElement | null>(null);
  useEffect(() => {
    const loading = new Image();
    loading.onload = () => {
      if (loading.naturalWidth * loading.naturalHeight <= MAX_MASK_PIXELS) setPicture(loading);
    };
    loading.src = src;
    return () => {
      loading.onload = null;
    };
  }, [src]);
  const { hidden, colours, met } = switches;
  useEffect(() => {
    const box = canvas.current;
    const context = box?.getContext("2d", { willReadFrequently: true });
    if (!picture || !box || !context) return;
    box.width = picture.naturalWidth;
    box.height = picture.naturalHeight;
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, box.width, box.height);
    const found = paintMask(pixels.data, (value) => {
      const label = classOf(overlay, value);
      const colour = colours.get(label);
      return colour && !hidden.has(`class:${label}`) ? partsOf(colour) : null;
    });
    context.putImageData(pixels, 0, 0);
    met([...found].map((value) => classOf(overlay, value)));
  }, [picture, overlay, hidden, colours, met]);
  return <canvas ref={canvas} className={styles.layer} role="img" aria-label={messages.maskOf(name)} />;
}
