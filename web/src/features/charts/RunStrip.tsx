/** The runs that are drawn, above all panels: their colours, and a menu for each. */
import { Eye } from "lucide-react";
import { useState } from "react";
import { hover } from "@/features/experiment/state";
import { Button } from "@/ui/Button";
import { Swatch } from "@/ui/Facts";
import { useBoard } from "./board";
import { LineMenu, type MenuPlace } from "./LineMenu";
import { messages } from "./messages";
import styles from "./Toolbar.module.css";

const MOST = 30;

export function RunStrip({
  total,
  hidden,
  onShowHidden,
}: {
  total: number;
  hidden: number;
  onShowHidden?: () => void;
}) {
  const { runs, baseline } = useBoard();
  const [menu, setMenu] = useState<MenuPlace | null>(null);
  return (
    <div className={styles.strip}>
      <span className={styles.quiet}>{messages.runsShown(runs.length, total)}</span>
      <ul aria-label={messages.legend}>
        {runs.slice(0, MOST).map((run) => (
          <li key={run.id}>
            <button
              type="button"
              className={styles.run}
              data-baseline={run.id === baseline || undefined}
              onMouseEnter={() => hover.set(run.id)}
              onMouseLeave={() => hover.set(null)}
              onFocus={() => hover.set(run.id)}
              onBlur={() => hover.set(null)}
              onClick={(event) => {
                const box = event.currentTarget.getBoundingClientRect();
                setMenu({ runId: run.id, name: run.name, x: box.left, y: box.bottom });
              }}
            >
              <Swatch colour={run.colour} />
              <bdi>{run.name}</bdi>
              {run.id === baseline && <span className={styles.quiet}>({messages.baseline})</span>}
            </button>
          </li>
        ))}
        {runs.length > MOST && <li className={styles.quiet}>{messages.moreRuns(runs.length - MOST)}</li>}
      </ul>
      {hidden > 0 && onShowHidden && (
        <Button kind="quiet" onClick={onShowHidden}>
          <Eye size={14} aria-hidden="true" />
          {messages.showHidden(hidden)}
        </Button>
      )}
      {menu && <LineMenu place={menu} onClose={() => setMenu(null)} />}
    </div>
  );
}
