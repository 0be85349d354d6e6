/** Panels in sections, with what they share. The experiment's page and the run's page both show one. */
import { ChevronDown, ChevronRight, X } from "lucide-react";
import { type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { distinctColours, useDark } from "@/charts/colours";
import { IconButton } from "@/ui/Button";
import { Notice } from "@/ui/Notice";
import styles from "./Board.module.css";
import { type Board, BoardContext, SharedY, useBoard } from "./board";
import { loader } from "./loader";
import { messages } from "./messages";
import { Panel, PanelInside } from "./Panel";
import { makeSections, panelTitle, type Section, sectionId } from "./sections";
import type { PanelSpec } from "./state";
import { useWholeY } from "./useWholeY";

const FULL_MARGIN = 290;

export function ChartBoard({
  board,
  known,
  children,
}: {
  board: Omit<Board, "sharedY" | "groupColours">;
  /** Marks of the keys of the layout in use; null where there is none. */
  known: ReadonlySet<string> | null;
  /** What stands above the panels. */
  children: ReactNode;
}) {
  const [sharedY] = useState(() => new SharedY());
  const dark = useDark();
  const whole = useMemo(() => {
    const groups = board.runs.flatMap((run) => run.group ?? []);
    return { ...board, sharedY, groupColours: distinctColours(groups, dark) };
  }, [board, sharedY, dark]);
  const { keys, state } = board;
  const find = useDeferredValue(state.find);
  const { extra, changes, moves, flipped } = state;
  const sections = useMemo(
    () => makeSections(keys, { find, extra, changes, moves, flipped }, known),
    [keys, find, extra, changes, moves, flipped, known],
  );
  useWholeY(board, sections, sharedY);
  const all = useMemo(() => sections.flatMap((section) => section.panels), [sections]);
  const full = state.full ? all.find((panel) => panel.id === state.full) : undefined;
  useEffect(() => {
    loader.setPaused(state.zoom !== null);
    return () => loader.setPaused(false);
  }, [state.zoom]);
  return (
    <BoardContext value={whole}>
      <div className={styles.board}>
        {children}
        <div
          className={styles.sections}
          style={{ gridTemplateColumns: `repeat(${state.cols}, minmax(0, 1fr))` }}
        >
          {sections.map((section) => (
            <SectionView key={sectionId(section)} section={section} />
          ))}
        </div>
        {keys.length > 0 && !sections.length && <p className={styles.nothing}>{messages.noMatch}</p>}
        {full && <FullPanel spec={full} />}
      </div>
    </BoardContext>
  );
}

function nameOf(section: Section): string {
  if (section.kind === "added") return messages.sectionAdded;
  if (section.kind === "new") return messages.sectionNew;
  if (section.kind === "system") return messages.sectionSystem;
  return section.name || messages.sectionNone;
}

function SectionView({ section }: { section: Section }) {
  const { state, set } = useBoard();
  const id = sectionId(section);
  const flip = () =>
    set({
      flipped: state.flipped.includes(id)
        ? state.flipped.filter((one) => one !== id)
        : [...state.flipped, id],
    });
  const Icon = section.folded ? ChevronRight : ChevronDown;
  // Small sections stand side by side; a folded one takes the line, so that nothing hangs beside it.
  const columns = section.panels.reduce((sum, panel) => sum + (panel.wide ?? 1), 0);
  const span = section.folded ? state.cols : Math.min(state.cols, columns);
  return (
    <section className={styles.section} aria-label={nameOf(section)} style={{ gridColumn: `span ${span}` }}>
      <h2 className={styles.sectionHead}>
        <button type="button" aria-expanded={!section.folded} onClick={flip}>
          <Icon size={15} aria-hidden="true" />
          <bdi>{nameOf(section)}</bdi>
          <span className={styles.quiet}>{messages.panels(section.panels.length)}</span>
        </button>
      </h2>
      {!section.folded && (
        <div className={styles.grid}>
          {section.panels.map((panel, i) => (
            <Panel key={panel.id} spec={panel} place={i} of={section.panels.length} />
          ))}
        </div>
      )}
    </section>
  );
}

/** One panel over the whole window. */
function FullPanel({ spec }: { spec: PanelSpec }) {
  const { set } = useBoard();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = panelTitle(spec);
  const [height, setHeight] = useState(() => Math.max(240, innerHeight - FULL_MARGIN));
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    const look = () => setHeight(Math.max(240, innerHeight - FULL_MARGIN));
    window.addEventListener("resize", look);
    return () => {
      window.removeEventListener("resize", look);
      element?.close();
    };
  }, []);
  const close = () => set({ full: "" });
  return (
    <dialog
      ref={dialog}
      className={styles.full}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <span className={styles.fullClose}>
        <IconButton label={messages.close} onClick={close}>
          <X size={16} />
        </IconButton>
      </span>
      <PanelInside spec={spec} title={title} height={height} place={0} of={1} full />
    </dialog>
  );
}

export function NoMetrics() {
  return (
    <Notice title={messages.noMetrics}>
      <p>{messages.noMetricsHint}</p>
      <pre>
        <code>{messages.snippet}</code>
      </pre>
    </Notice>
  );
}
