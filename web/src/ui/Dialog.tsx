/** A modal dialog: the browser's own, which keeps the focus inside and closes with Escape. */
import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { IconButton } from "./Button";
import styles from "./controls.module.css";
import { messages } from "./messages";

export function Dialog({
  title,
  onClose,
  children,
  actions,
  size = "normal",
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  actions?: ReactNode;
  size?: "normal" | "wide";
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Before the element leaves the page: only an element that is still there gives the focus back to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      data-size={size}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <div className={styles.dialogHead}>
        <h2 id={heading}>{title}</h2>
        <IconButton label={messages.close} onClick={onClose}>
          <X size={16} />
        </IconButton>
      </div>
      <div className={styles.dialogBody}>{children}</div>
      {actions && <div className={styles.dialogFoot}>{actions}</div>}
    </dialog>
  );
}
