/** The marks of a panel as a table: models, versions, and notes, which those who may can change here. */
import { May } from "@/app/May";
import type { PlotView } from "@/charts/plotView";
import { Button } from "@/ui/Button";
import { useBoard } from "./board";
import styles from "./Figures.module.css";
import { messages } from "./messages";
import type { NoteDraft } from "./NoteDialog";
import { formatPlace } from "./values";

const MOST = 200;

export function MarksTable({ view, onNote }: { view: PlotView; onNote: (draft: NoteDraft) => void }) {
  const { events, runs } = useBoard();
  const words = messages.marksColumns;
  const marks = [...view.marks].sort((a, b) => a.x - b.x).slice(0, MOST);
  return (
    <>
      <h3 className={styles.marksHead}>{messages.marksTitle}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div className={styles.marks} role="region" aria-label={messages.marksTitle} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.place}</th>
              <th scope="col">{words.what}</th>
            </tr>
          </thead>
          <tbody>
            {marks.map((mark) => {
              const event = events.find((one) => one.id === mark.id);
              const note = event?.note;
              const name = runs.find((run) => run.id === event?.runId)?.name ?? "";
              return (
                <tr key={mark.id}>
                  <td>{formatPlace(mark.x, view.placeKind)}</td>
                  <td>
                    {note && <bdi className={styles.quiet}>{name}: </bdi>}
                    <bdi>{mark.label}</bdi>
                    {event && note && (
                      <May to="write">
                        <Button
                          kind="quiet"
                          aria-label={messages.note.edit(note.text)}
                          onClick={() => onNote({ runId: event.runId, name, place: note, note })}
                        >
                          {messages.note.changeShort}
                        </Button>
                      </May>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
