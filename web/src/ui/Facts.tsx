/** Small facts that appear everywhere: a time, a run's status, a chip, a colour. */
import { Ban, CircleCheck, CircleDot, CircleX, Clock } from "lucide-react";
import type { ReactNode } from "react";
import { usePreferences } from "@/app/preferences";
import styles from "./controls.module.css";
import { formatAgo, formatTime } from "./format";
import { messages } from "./messages";

/** A time as people say it, with the exact one on hover. */
export function Time({ ms }: { ms: number | null | undefined }) {
  usePreferences();
  if (ms === null || ms === undefined) return null;
  const date = new Date(ms);
  const exact = Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
  return (
    <time dateTime={exact} title={`${formatTime(ms)} · ${exact}`}>
      {formatAgo(ms)}
    </time>
  );
}

const ICONS = { RUNNING: CircleDot, SCHEDULED: Clock, FINISHED: CircleCheck, FAILED: CircleX, KILLED: Ban };

/** A run's status: a colour, and a shape and a word for who can't tell colours. */
export function Status({ status, short = false }: { status: string; short?: boolean }) {
  const Icon = ICONS[status as keyof typeof ICONS] ?? CircleDot;
  const name = messages.statuses[status] ?? status;
  return (
    <span className={styles.status} data-status={status} title={short ? name : undefined}>
      <Icon size={14} aria-hidden="true" />
      {short ? <span className="visually-hidden">{name}</span> : name}
    </span>
  );
}

export function Chip({
  children,
  tone,
  title,
}: {
  children: ReactNode;
  tone?: "good" | "bad" | "warn" | "busy" | "accent";
  title?: string;
}) {
  return (
    <span className={styles.chip} data-tone={tone} title={title}>
      {children}
    </span>
  );
}

export function Swatch({ colour }: { colour: string }) {
  return <span className={styles.swatch} style={{ background: colour }} aria-hidden="true" />;
}
