/** The time of day for what is shown of it: by the minute, and by the second while something runs. */
import { useEffect, useRef, useState } from "react";

export interface Clock {
  second: number;
  minute: number;
}

const MINUTE_MS = 60_000;

export function useClock(running: boolean): Clock {
  const [second, setSecond] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(
      () => {
        if (!document.hidden) setSecond(Date.now());
      },
      running ? 1_000 : MINUTE_MS,
    );
    return () => window.clearInterval(timer);
  }, [running]);
  const minute = useRef(second);
  if (second - minute.current >= MINUTE_MS) minute.current = second;
  return { second, minute: minute.current };
}
