/** A run's picture in the grid: at its step, zoomed as the others are, with what is drawn over it. */
import { type CSSProperties, type SyntheticEvent, type UIEvent, useState } from "react";
import { OverlayLayers, type Switches } from "@/features/files/OverlayView";
import type { Overlay } from "@/features/files/overlay";
import { type Place, rawUrl } from "@/features/files/place";
import { RunLink } from "./Choices";
import styles from "./Compare.module.css";
import type { ComparedRun } from "./frame";
import { messages } from "./messages";
import type { Picture } from "./pictures";

/** A picture of a few pixels is shown in squares, not blurred. */
const SMALL = 128;

interface Size {
  pixels: [number, number];
  /** Height of the frame, whose width changes with the window's. */
  frame: number;
  /** Pixels of the screen per pixel of the picture where it is fitted. */
  fitted: number;
}

function sizeOf(image: HTMLImageElement): Size {
  const { naturalWidth, naturalHeight, clientWidth, clientHeight } = image;
  return {
    pixels: [naturalWidth, naturalHeight],
    frame: clientHeight,
    fitted: Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight) || 1,
  };
}

/** Exactly over the picture, be it zoomed or fitted into its frame. */
function boxOver({ pixels: [width, height], frame }: Size, zoom: number | undefined): CSSProperties {
  if (zoom) return { width: width * zoom, height: height * zoom };
  const ratio = width / height || 1;
  return { width: `min(100%, ${frame * ratio}px)`, aspectRatio: ratio };
}

function markSmall(event: SyntheticEvent<HTMLImageElement>): void {
  const image = event.currentTarget;
  image.toggleAttribute("data-small", image.naturalWidth <= SMALL);
}

const placeOf = (run: ComparedRun): Place => ({ run_id: run.id });

export function PictureOf({
  run,
  name,
  picture,
  under,
  zoom,
  full,
  overlay,
  switches,
  onScroll,
}: {
  run: ComparedRun;
  name: string;
  picture: Picture | null;
  /** The baseline's picture to take the difference to. */
  under: { run: ComparedRun; picture: Picture } | null;
  zoom: number | undefined;
  full: boolean;
  overlay: Overlay | null;
  switches: Switches;
  onScroll: (event: UIEvent<HTMLElement>) => void;
}) {
  const [size, setSize] = useState<Size | null>(null);
  // Boxes are told in pixels of the full size.
  const isFull = full || zoom !== undefined || under !== null || overlay !== null;
  const source = (one: Picture) => (isFull ? one.path : one.small);
  const scale = zoom ? { zoom } : undefined;
  return (
    <figure className={styles.picture}>
      <figcaption>
        <RunLink id={run.id} name={run.name} />
        <span className={styles.note}>
          {picture ? messages.atStep(picture.step) : messages.noImageYet}
          {run.isBaseline && ` · ${messages.baselineMark}`}
        </span>
      </figcaption>
      <div
        className={styles.pictureFrame}
        data-frame
        data-zoomed={zoom ? true : undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
      >
        {picture && under && (
          <img
            src={rawUrl(placeOf(under.run), source(under.picture))}
            alt=""
            style={scale}
            onLoad={markSmall}
          />
        )}
        {picture && (
          <img
            src={rawUrl(placeOf(run), source(picture))}
            alt={`${name.slice(0, 200)}, ${run.name.slice(0, 200)}, ${messages.atStep(picture.step)}`}
            data-blend={under ? true : undefined}
            style={scale}
            onLoad={(event) => {
              markSmall(event);
              setSize(sizeOf(event.currentTarget));
            }}
            loading="lazy"
          />
        )}
        {picture && overlay && size && (
          <div className={styles.over} style={boxOver(size, zoom)}>
            <OverlayLayers
              overlay={overlay}
              switches={switches}
              place={placeOf(run)}
              size={size.pixels}
              factor={zoom ?? size.fitted}
            />
          </div>
        )}
      </div>
    </figure>
  );
}
