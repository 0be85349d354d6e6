/** The marks of a run's log, and the columns that they add to its lines. */
import { type ReactNode, useMemo } from "react";
import type { TextSource } from "@/features/files/textSource";
import { useText } from "@/features/files/useText";
import { formatClock, formatTime } from "@/ui/format";
import { LogMarks, MARKS_PATH } from "./logMarks";
import { messages } from "./messages";
import styles from "./run.module.css";

export interface KnownMarks {
  marks: LogMarks;
  version: number;
  source: TextSource;
}

const PIECE_BYTES = 4 << 20;

export function useMarks(runId: string): KnownMarks {
  const place = useMemo(() => ({ run_id: runId }), [runId]);
  const { source, state } = useText(place, MARKS_PATH, PIECE_BYTES);
  const held = useMemo(() => ({ of: source, marks: new LogMarks(), version: -1 }), [source]);
  if (held.version !== state.version) {
    held.marks.update(source.lines, state.changedFrom);
    held.version = state.version;
  }
  return { marks: held.marks, version: state.version, source };
}

/** Time and stream of a line. Both streams have a word and a colour of their own. */
export function markCells(marks: LogMarks, line: number, withTimes: boolean): ReactNode {
  const { time, stream } = marks.at(line);
  return (
    <>
      {withTimes && (
        <span className={styles.clock} title={time === null ? undefined : formatTime(time)}>
          {time === null ? "" : formatClock(time)}
        </span>
      )}
      <span className={styles.stream} data-stream={stream ?? undefined}>
        {stream ? messages.streams[stream] : ""}
      </span>
    </>
  );
}
