/** Sound and video in the browser's own players; sound with its waveform. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { send } from "@/api/client";
import { useDark } from "@/charts/colours";
import { Notice } from "@/ui/Notice";
import { BytesView } from "./BytesView";
import { messages } from "./messages";
import { factsQuery, type Place, placeKey, rawUrl } from "./place";
import styles from "./views.module.css";

/** Decoding takes about ten times a compressed file's size in memory. */
const MAX_DECODED_BYTES = 20_000_000;
const BARS = 600;

export default function MediaView({
  place,
  path,
  kind,
}: {
  place: Place;
  path: string;
  kind: "audio" | "video";
}) {
  const [broken, setBroken] = useState(false);
  if (broken) {
    return (
      <div className={styles.fill}>
        <Notice title={messages.notThisKind} tone="warn">
          {messages.notThisKindHint}
        </Notice>
        <BytesView place={place} path={path} />
      </div>
    );
  }
  const shared = {
    src: rawUrl(place, path),
    controls: true,
    preload: "metadata",
    "aria-label": path,
    onError: () => setBroken(true),
  };
  return (
    <div className={styles.fill}>
      {kind === "audio" ? (
        <>
          <audio {...shared} className={styles.audio} />
          <Waveform place={place} path={path} />
        </>
      ) : (
        <video {...shared} className={styles.video} />
      )}
    </div>
  );
}

/** The least and greatest sample of each of `count` equal parts. */
export function peaks(samples: Float32Array, count: number): [number, number][] {
  const result: [number, number][] = [];
  const size = Math.max(1, Math.ceil(samples.length / count));
  for (let from = 0; from < samples.length; from += size) {
    let low = 0;
    let high = 0;
    for (let i = from; i < Math.min(samples.length, from + size); i++) {
      const value = samples[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    result.push([low, high]);
  }
  return result;
}

function Waveform({ place, path }: { place: Place; path: string }) {
  const facts = useQuery(factsQuery(place, path));
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  const bars = useQuery({
    queryKey: ["files", "peaks", placeKey(place), path, facts.data?.etag],
    queryFn: async ({ signal }) => {
      const bytes = await send(rawUrl(place, path), { signal }).then((answer) => answer.arrayBuffer());
      const context = new OfflineAudioContext(1, 1, 44_100);
      return peaks((await context.decodeAudioData(bytes)).getChannelData(0), BARS);
    },
    enabled: facts.data !== undefined && facts.data.size <= MAX_DECODED_BYTES,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colours that are read
  useEffect(() => {
    const element = canvas.current;
    const pen = element?.getContext("2d");
    if (!element || !pen || !bars.data) return;
    pen.clearRect(0, 0, element.width, element.height);
    pen.fillStyle = getComputedStyle(element).color;
    const wide = element.width / bars.data.length;
    const half = element.height / 2;
    bars.data.forEach(([low, high], place) => {
      pen.fillRect(
        place * wide,
        half - high * half,
        Math.max(1, wide - 0.5),
        Math.max(1, (high - low) * half),
      );
    });
  }, [bars.data, dark]);
  if (!bars.data) return null;
  return (
    <canvas
      ref={canvas}
      className={styles.wave}
      width={1200}
      height={140}
      role="img"
      aria-label={messages.waveform}
    />
  );
}
