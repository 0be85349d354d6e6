/** A panel's data as tables: for screen readers, and for whoever wants the numbers. */
import { useState } from "react";
import type { PlotView } from "@/charts/plotView";
import { Dialog } from "@/ui/Dialog";
import { SelectField } from "@/ui/Field";
import { formatCount, formatNumber, formatTime } from "@/ui/format";
import styles from "./Figures.module.css";
import { MarksTable } from "./MarksTable";
import { messages } from "./messages";
import type { NoteDraft } from "./NoteDialog";
import { ValuesTable } from "./ValuesTable";
import { formatPlace } from "./values";

const MOST = 500;

export default function DataDialog({
  title,
  view,
  onNote,
  onClose,
}: {
  title: string;
  view: PlotView;
  onNote: (draft: NoteDraft) => void;
  onClose: () => void;
}) {
  const [place, setPlace] = useState(0);
  const line = view.lines[place];
  const { table } = messages;
  const values = line?.raw ?? line?.y;
  return (
    <Dialog title={messages.dataTitle(title)} onClose={onClose} size="wide">
      <h3>{messages.dataSummary}</h3>
      <ValuesTable title={title} lines={view.lines} />
      {view.marks.length > 0 && <MarksTable view={view} onNote={onNote} />}
      {line && values && (
        <>
          <SelectField
            label={messages.dataPoints}
            value={place}
            onChange={(event) => setPlace(Number(event.target.value))}
          >
            {view.lines.map((one, i) => (
              <option key={one.id} value={i}>
                {one.label}
              </option>
            ))}
          </SelectField>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
          <div className={styles.points} role="region" aria-label={line.label} tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{table.x}</th>
                  <th scope="col">{table.value}</th>
                  {line.low && <th scope="col">{table.low}</th>}
                  {line.high && <th scope="col">{table.high}</th>}
                  {line.n && <th scope="col">{table.points}</th>}
                  {line.times && <th scope="col">{table.time}</th>}
                </tr>
              </thead>
              <tbody>
                {Array.from(line.x.subarray(0, MOST), (x, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: points have no other name, and never move
                  <tr key={i}>
                    <td>{formatPlace(x, view.placeKind)}</td>
                    <td>{formatNumber(values[i])}</td>
                    {line.low && <td>{formatNumber(line.low[i])}</td>}
                    {line.high && <td>{formatNumber(line.high[i])}</td>}
                    {line.n && <td>{formatCount(line.n[i]!)}</td>}
                    {line.times && <td>{formatTime(line.times[i])}</td>}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {line.x.length > MOST && <p>{messages.dataCut(MOST, line.x.length)}</p>}
        </>
      )}
    </Dialog>
  );
}
