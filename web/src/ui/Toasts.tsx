/** Short notices at the corner: what was done, with a way back, and what failed. */
import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Button, IconButton } from "./Button";
import styles from "./controls.module.css";
import { messages } from "./messages";

export interface Toast {
  text: string;
  tone?: "bad";
  undo?: () => void;
}

const SHOWN_MS = 8_000;
let toasts: (Toast & { id: number })[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: typeof toasts): void {
  toasts = to;
  for (const listener of listeners) listener();
}

export function toast(what: Toast): void {
  const id = next++;
  change([...toasts.slice(-3), { ...what, id }]);
  window.setTimeout(() => dismiss(id), what.tone === "bad" ? SHOWN_MS * 2 : SHOWN_MS);
}

export function toastError(error: unknown): void {
  toast({ text: error instanceof Error ? error.message : String(error), tone: "bad" });
}

function dismiss(id: number): void {
  change(toasts.filter((one) => one.id !== id));
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className={styles.toasts} role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} className={styles.toast} data-tone={one.tone}>
          <span>{one.text}</span>
          {one.undo && (
            <Button
              onClick={() => {
                dismiss(one.id);
                one.undo?.();
              }}
            >
              {messages.undo}
            </Button>
          )}
          <IconButton label={messages.dismiss} onClick={() => dismiss(one.id)}>
            <X size={14} />
          </IconButton>
        </div>
      ))}
    </div>
  );
}
