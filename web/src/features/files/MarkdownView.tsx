/** A Markdown file as a page, sanitised. */

import Markdown from "@/ui/Markdown";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { useContent } from "./JsonView";
import { messages } from "./messages";
import type { Place } from "./place";
import styles from "./views.module.css";

const MAX_BYTES = 500_000;

export default function MarkdownView({ place, path }: { place: Place; path: string }) {
  const { text, tooLarge, error } = useContent(place, path, MAX_BYTES);
  if (tooLarge !== null) return <Notice title={messages.tooLarge(tooLarge)} />;
  if (error) return <ErrorNotice error={error} />;
  if (text === undefined) return <Skeleton height={300} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <article className={styles.article} tabIndex={0} aria-label={path}>
      <Markdown text={text} />
    </article>
  );
}
