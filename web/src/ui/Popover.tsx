/** A panel that opens beside a button and closes on Escape or a click elsewhere: the browser's own popover. */
import { cloneElement, type ReactElement, type ReactNode, useId, useRef, useState } from "react";
import styles from "./controls.module.css";

const MARGIN = 8;

/** Put `panel` under `anchor`, or above it where there is no room, and inside the window. */
export function placeBeside(panel: HTMLElement, anchor: DOMRect): void {
  const { width, height } = panel.getBoundingClientRect();
  const below = anchor.bottom + 4;
  const top = below + height > innerHeight - MARGIN ? Math.max(MARGIN, anchor.top - height - 4) : below;
  const left = Math.max(MARGIN, Math.min(anchor.left, innerWidth - width - MARGIN));
  panel.style.top = `${top}px`;
  panel.style.left = `${left}px`;
}

export function Popover({
  trigger,
  children,
  label,
  role = "dialog",
  onOpen,
}: {
  /** The button; it gets the handlers and states that open the panel. */
  trigger: ReactElement<Record<string, unknown>>;
  children: (close: () => void) => ReactNode;
  label: string;
  role?: "dialog" | "menu";
  onOpen?: (panel: HTMLElement) => void;
}) {
  const [open, setOpen] = useState(false);
  const panel = useRef<HTMLDivElement>(null);
  const anchor = useRef<HTMLElement | null>(null);
  const id = useId();
  const close = () => panel.current?.hidePopover();
  return (
    <>
      {cloneElement(trigger, {
        popoverTarget: id,
        "aria-haspopup": role,
        "aria-expanded": open,
        ref: (element: HTMLElement | null) => {
          anchor.current = element;
        },
      })}
      <div
        ref={panel}
        id={id}
        popover="auto"
        role={role}
        aria-label={label}
        className={styles.popover}
        onToggle={(event) => {
          const isOpen = event.newState === "open";
          setOpen(isOpen);
          if (!isOpen || !panel.current || !anchor.current) return;
          // After the children were drawn: only then the panel has its size.
          requestAnimationFrame(() => {
            if (!panel.current || !anchor.current) return;
            placeBeside(panel.current, anchor.current.getBoundingClientRect());
            onOpen?.(panel.current);
          });
        }}
      >
        {open && children(close)}
      </div>
    </>
  );
}
