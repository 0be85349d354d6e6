/** An SVG drawing, as a picture: in an `img` its scripts don't run and it loads nothing. */
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Picture } from "./ImageView";
import { useContent } from "./JsonView";
import { messages } from "./messages";
import type { Place } from "./place";
import styles from "./views.module.css";

const MAX_BYTES = 2_000_000;

export default function SvgView({ place, path }: { place: Place; path: string }) {
  const { text, tooLarge, error } = useContent(place, path, MAX_BYTES);
  if (tooLarge !== null) return <Notice title={messages.tooLarge(tooLarge)} />;
  if (error) return <ErrorNotice error={error} />;
  if (text === undefined) return <Skeleton height={300} />;
  const src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  return (
    <div className={styles.fill}>
      <Picture key={path} src={src} name={path} place={place} path={path} />
    </div>
  );
}
