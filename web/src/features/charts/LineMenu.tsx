/** What can be done with the run of a line, at the place that was clicked. */
import { useEffect, useRef } from "react";
import controls from "@/ui/controls.module.css";
import { formatNumber } from "@/ui/format";
import { type MenuEntry, MenuItems } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { placeBeside } from "@/ui/Popover";
import { toast, toastError } from "@/ui/Toasts";
import { type RunActions, useBoard } from "./board";
import { messages } from "./messages";
import type { NoteDraft } from "./NoteDialog";

export interface MenuPlace {
  runId: string;
  name: string;
  x: number;
  y: number;
  /** The point that was chosen, if a note can be on it. */
  note?: NoteDraft | null;
}

function entriesFor(
  { runId, note }: MenuPlace,
  actions: RunActions,
  baseline: string | null,
  onNote?: (draft: NoteDraft) => void,
): MenuEntry[] {
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
  if (note && onNote) {
    const words = note.note ? messages.note.change : messages.note.here;
    entries.push({ label: words(formatNumber(note.place.step)), onSelect: () => onNote(note) });
  }
  if (hide) entries.push({ label: messages.hide, onSelect: () => hide(runId) });
  entries.push({
    label: messages.copyId,
    onSelect: () =>
      void navigator.clipboard.writeText(runId).then(() => toast({ text: words.copied }), toastError),
  });
  return entries;
}

export function LineMenu({
  place,
  onNote,
  onClose,
}: {
  place: MenuPlace;
  onNote?: (draft: NoteDraft) => void;
  onClose: () => void;
}) {
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
      <MenuItems entries={entriesFor(place, actions, baseline, onNote)} close={close} />
    </div>
  );
}
