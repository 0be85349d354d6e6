/** What stands where there is nothing to show yet, or where something failed. */
import { Component, type ReactNode } from "react";
import { ApiError } from "@/api/client";
import { Button } from "./Button";
import styles from "./controls.module.css";
import { messages } from "./messages";

export function Notice({
  title,
  tone,
  children,
}: {
  title: string;
  tone?: "bad" | "warn";
  children?: ReactNode;
}) {
  return (
    <div className={styles.notice} data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      <div className={styles.noticeTitle}>{title}</div>
      {children}
    </div>
  );
}

/** What failed, under which request id, and a button to try again. */
export function ErrorNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Notice title={messages.failed} tone="bad">
      <div>{message}</div>
      {error instanceof ApiError && error.requestId && <code>{messages.requestId(error.requestId)}</code>}
      {retry && <Button onClick={retry}>{messages.retry}</Button>}
    </Notice>
  );
}

/** Keeps a mistake in one part of a page from taking the rest with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <ErrorNotice error={this.state.error} retry={() => this.setState({ error: null })} />;
  }
}

/** A grey bar of the true size; it appears only when loading takes longer than a blink. */
export function Skeleton({
  width = "100%",
  height = 16,
}: {
  width?: number | string;
  height?: number | string;
}) {
  return <span className={styles.skeleton} style={{ width, height }} aria-hidden="true" />;
}
