/** Above the fold: how the run went, its metrics, params, tags, and how to do it again. */
import { useQuery } from "@tanstack/react-query";
import { About } from "./About";
import { parentOf, type Run, runQuery } from "./data";
import { Failure } from "./Failure";
import { Launched } from "./Launched";
import { MetricTable } from "./MetricTable";
import { ModelsAndData } from "./ModelsAndData";
import { messages } from "./messages";
import { Notes } from "./Notes";
import { ParamTable } from "./ParamTable";
import { Reproduce } from "./Reproduce";
import styles from "./run.module.css";
import { Sweep } from "./Sweep";
import { Tags } from "./Tags";
import { listOf } from "./useNeighbours";
import { useRunSearch } from "./useRunSearch";

/** The run that this one is compared with: the list's baseline, else its parent. */
export interface Other {
  run: Run;
  name: string;
}

function useOther(run: Run): Other | null {
  const { search } = useRunSearch();
  const base = listOf(search.from).base;
  const id = base && base !== run.info.run_id ? base : parentOf(run);
  const query = useQuery({ ...runQuery(id ?? ""), enabled: id !== undefined });
  return query.data && id ? { run: query.data, name: query.data.info.run_name } : null;
}

export default function Overview({ run }: { run: Run }) {
  const other = useOther(run);
  const failed = run.info.status === "FAILED" || run.info.status === "KILLED";
  return (
    <div className={styles.overview}>
      <div className={styles.column}>
        {failed && <Failure run={run} />}
        <Sweep run={run} />
        <MetricTable run={run} other={other} />
        <ParamTable run={run} other={other} />
        <Notes run={run} />
      </div>
      <aside className={styles.column} aria-label={messages.about}>
        <About run={run} />
        <Launched run={run} />
        <Tags run={run} />
        <ModelsAndData run={run} />
        <Reproduce run={run} />
      </aside>
    </div>
  );
}
