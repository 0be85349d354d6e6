/** One menu for all cells and headers, opened where it was asked for. */
import { useEffect, useRef } from "react";
import controls from "@/ui/controls.module.css";
import { type MenuEntry, MenuItems } from "@/ui/Menu";
import { placeBeside } from "@/ui/Popover";

export interface MenuRequest {
  label: string;
  anchor: DOMRect;
  entries: MenuEntry[];
}

export function FloatingMenu({ request, onClose }: { request: MenuRequest; onClose: () => void }) {
  const panel = useRef<HTMLDivElement>(null);
  const closing = useRef(onClose);
  closing.current = onClose;
  useEffect(() => {
    const element = panel.current;
    if (!element) return;
    element.showPopover();
    placeBeside(element, request.anchor);
    element.querySelector<HTMLElement>('[role^="menuitem"]:not(:disabled)')?.focus();
    const onToggle = (event: Event) => {
      if ((event as ToggleEvent).newState === "closed") closing.current();
    };
    element.addEventListener("toggle", onToggle);
    return () => element.removeEventListener("toggle", onToggle);
  }, [request]);
  return (
    <div ref={panel} popover="auto" role="menu" aria-label={request.label} className={controls.popover}>
      <MenuItems entries={request.entries} close={() => panel.current?.hidePopover()} />
    </div>
  );
}
