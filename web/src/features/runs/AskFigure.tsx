/** Asks for the number that a figure of a metric takes: how many of the last points, or which step. */
import { useEffect, useId, useRef, useState } from "react";
import { columnId, POINT_STATS, type PointStat } from "@/features/experiment/columns";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { messages } from "./messages";
import styles from "./RunTable.module.css";
import type { TableColumn } from "./tableColumns";

export interface Asking {
  column: TableColumn;
  stat: PointStat;
  choose: (id: string) => void;
}

export function AskFigure({ asking, onClose }: { asking: Asking; onClose: () => void }) {
  const { column, stat, choose } = asking;
  const { least, most, usual } = POINT_STATS[stat];
  const [text, setText] = useState(String((column.stat === stat && column.of) || usual));
  const form = useId();
  const box = useRef<HTMLFormElement>(null);
  // The dialog gives the focus to its first control; here the number is what one came for.
  useEffect(() => box.current?.querySelector("input")?.select(), []);
  const number = Number(text.trim() || Number.NaN);
  const fits = Number.isSafeInteger(number) && number >= least && number <= most;
  return (
    <Dialog
      title={messages.askTitle(column.key)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{messages.cancel}</Button>
          <Button kind="primary" type="submit" form={form} disabled={!fits}>
            {messages.show}
          </Button>
        </>
      }
    >
      <form
        id={form}
        ref={box}
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!fits) return;
          choose(columnId({ kind: "metric", key: column.key, stat, of: number }));
          onClose();
        }}
      >
        <p>{messages.askHint[stat]}</p>
        <TextField
          label={messages.askNumber[stat]}
          inputMode={least < 0 ? undefined : "numeric"}
          aria-invalid={!fits}
          aria-describedby={fits ? undefined : `${form}-range`}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <span id={`${form}-range`} className={styles.delta} role="status">
          {!fits && messages.askRange(least, most)}
        </span>
      </form>
    </Dialog>
  );
}
