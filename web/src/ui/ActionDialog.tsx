/** A dialog that asks for one thing: what it is about, a button that does it, and what went wrong. */
import type { ReactNode } from "react";
import { Button, type ButtonProps } from "./Button";
import styles from "./controls.module.css";
import { Dialog } from "./Dialog";
import { messages } from "./messages";
import { ErrorNotice } from "./Notice";

export function ActionDialog({
  title,
  action = title,
  keep = messages.cancel,
  kind = "primary",
  size,
  ready = true,
  change,
  onGo,
  onClose,
  children,
}: {
  title: string;
  /** What the button says, where that is not the title. */
  action?: string;
  /** What the other button says; "Cancel" would be no answer to whether to cancel something. */
  keep?: string;
  kind?: ButtonProps["kind"];
  size?: "normal" | "wide";
  /** Whether what was typed is enough. */
  ready?: boolean;
  /** The change under way, as a mutation tells of it. */
  change: { isPending: boolean; error: unknown };
  onGo: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog
      title={title}
      size={size}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{keep}</Button>
          <Button kind={kind} disabled={!ready || change.isPending} onClick={onGo}>
            {action}
          </Button>
        </>
      }
    >
      <div className={styles.asked}>
        {children}
        {change.error !== null && <ErrorNotice error={change.error} />}
      </div>
    </Dialog>
  );
}
