/** A menu behind a button, with the keys that menus have. */
import type { KeyboardEvent, ReactElement, ReactNode } from "react";
import styles from "./controls.module.css";
import { Popover } from "./Popover";

export type MenuEntry =
  | {
      label: string;
      onSelect: () => void;
      icon?: ReactNode;
      tone?: "bad";
      disabled?: boolean;
      checked?: boolean;
      shortcut?: string;
    }
  | "separator";

const ITEMS = '[role^="menuitem"]:not(:disabled)';

function move(event: KeyboardEvent<HTMLElement>): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>(ITEMS)];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  };
  let next = to[event.key];
  if (next === undefined && event.key.length === 1 && /\S/.test(event.key)) {
    const after = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    const found = after.find((item) => item.textContent?.toLowerCase().startsWith(event.key.toLowerCase()));
    next = found && items.indexOf(found);
  }
  if (next === undefined) return;
  event.preventDefault();
  items[next]?.focus();
}

export function MenuItems({ entries, close }: { entries: MenuEntry[]; close: () => void }) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the items have the roles, this hears their keys
    <div onKeyDown={move}>
      {entries.map((entry, place) =>
        entry === "separator" ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: separators have nothing else
          <hr key={place} className={styles.separator} />
        ) : (
          <button
            key={entry.label}
            type="button"
            role={entry.checked === undefined ? "menuitem" : "menuitemcheckbox"}
            aria-checked={entry.checked}
            className={styles.menuItem}
            data-tone={entry.tone}
            disabled={entry.disabled}
            onClick={() => {
              if (entry.checked === undefined) close();
              entry.onSelect();
            }}
          >
            {entry.checked !== undefined && <span aria-hidden="true">{entry.checked ? "✓" : " "}</span>}
            {entry.icon}
            {entry.label}
            {entry.shortcut && <span className={styles.menuShortcut}>{entry.shortcut}</span>}
          </button>
        ),
      )}
    </div>
  );
}

export function Menu({
  trigger,
  label,
  entries,
}: {
  trigger: ReactElement<Record<string, unknown>>;
  label: string;
  entries: MenuEntry[];
}) {
  return (
    <Popover
      trigger={trigger}
      label={label}
      role="menu"
      onOpen={(panel) => panel.querySelector<HTMLElement>(ITEMS)?.focus()}
    >
      {(close) => <MenuItems entries={entries} close={close} />}
    </Popover>
  );
}
