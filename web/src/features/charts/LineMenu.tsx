/** What can be done with the run of a line, at the place that was clicked. */
import { useEffect, useRef } from "react";
import controls from "@/ui/controls.module.css";
import { type MenuEntry, MenuItems } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { placeBeside } from "@/ui/Popover";
import { toast, toastError } from "@/ui/Toasts";
import { type RunActions, useBoard } from "./board";
import { messages } from "./messages";

export interface MenuPlace {
  runId: string;
  name: string;
  x: number;
  y: number;
}

function entriesFor(runId: string, actions: RunActions, baseline: string | null): MenuEntry[] {
  const entries: MenuEntry[] = [{ label: messages.open, onSelect: () => actions.open(runId) }];
  const { pin, hide, setBase } = actions;
  if (pin) {
    const label = actions.isPinned(runId) ? messages.unpin : messages.pin;
    entries.push({ label, onSelect: () => pin(runId) });
  }
  if (setBase) {
    const isBase = runId === baseline;
    entries.push({
      label: isBase ? messages.unsetBase : messages.setBase,
      onSelect: () => setBase(isBase ? null : runId),
    });
  }
  if (hide) entries.push({ label: messages.hide, onSelect: () => hide(runId) });
  entries.push({
    label: messages.copyId,
    onSelect: () =>
      void navigator.clipboard.writeText(runId).then(() => toast({ text: words.copied }), toastError),
  });
  return entries;
}

export function LineMenu({ place, onClose }: { place: MenuPlace; onClose: () => void }) {
  const { actions, baseline } = useBoard();
  const panel = useRef<HTMLDivElement>(null);
  const before = useRef(document.activeElement);
  useEffect(() => {
    const element = panel.current;
    if (!element) return;
    element.showPopover();
    placeBeside(element, new DOMRect(place.x, place.y, 1, 1));
    element.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
  }, [place]);
  const close = () => {
    panel.current?.hidePopover();
    if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
  };
  return (
    <div
      ref={panel}
      popover="auto"
      role="menu"
      aria-label={messages.runMenu(place.name)}
      className={controls.popover}
      onToggle={(event) => event.newState === "closed" && onClose()}
    >
      <MenuItems entries={entriesFor(place.runId, actions, baseline)} close={close} />
    </div>
  );
}
