/** What a version answered in the last hour: bars of requests, a line of latency, and both as a table. */
import { formatClock, formatCount } from "@/ui/format";
import registry from "../registry/Registry.module.css";
import { MINUTES, type Minute, type VersionFigures } from "./figures";
import { messages } from "./messages";
import styles from "./serving.module.css";

const STEP = 4;
const HEIGHT = 36;
const WIDTH = MINUTES * STEP;

function Bars({ of, label }: { of: VersionFigures; label: string }) {
  const most = Math.max(1, ...of.minutes.map((minute) => minute.requests));
  const high = (count: number) => (count === 0 ? 0 : Math.max(1.5, (count / most) * HEIGHT));
  return (
    <svg className={styles.curve} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <line className={styles.floor} x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      {of.minutes.map((minute, at) => (
        <g key={minute.time}>
          <rect
            className={styles.bar}
            x={at * STEP}
            width={STEP - 1}
            y={HEIGHT - high(minute.requests)}
            height={high(minute.requests)}
          />
          <rect
            className={styles.failedBar}
            x={at * STEP}
            width={STEP - 1}
            y={HEIGHT - high(minute.failed)}
            height={high(minute.failed)}
          />
        </g>
      ))}
    </svg>
  );
}

/** Runs of minutes that have a latency, one line each: a minute without requests is a gap. */
function pieces(minutes: Minute[]): { at: number; value: number }[][] {
  const found: { at: number; value: number }[][] = [[]];
  for (const [at, { p95 }] of minutes.entries()) {
    if (p95 !== null) found.at(-1)?.push({ at, value: p95 });
    else if (found.at(-1)?.length) found.push([]);
  }
  return found.filter((piece) => piece.length > 0);
}

function Latency({ of, label, worst }: { of: VersionFigures; label: string; worst: number }) {
  const x = (at: number) => at * STEP + (STEP - 1) / 2;
  const y = (value: number) => HEIGHT - (value / worst) * (HEIGHT - 3);
  return (
    <svg className={styles.curve} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <line className={styles.floor} x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      {pieces(of.minutes).map((piece) => (
        <g key={piece[0]?.at}>
          <polyline
            className={styles.line}
            points={piece.map(({ at, value }) => `${x(at)},${y(value)}`).join(" ")}
          />
          {piece.length === 1 &&
            piece.map(({ at, value }) => (
              <circle key={at} className={styles.dot} cx={x(at)} cy={y(value)} r={2} />
            ))}
        </g>
      ))}
    </svg>
  );
}

function MinutesTable({ of }: { of: VersionFigures }) {
  const label = `${messages.live}, ${messages.versionOf(of.version)}`;
  const busy = of.minutes.filter((minute) => minute.requests > 0).reverse();
  return (
    <details className={styles.folded}>
      <summary>{messages.asTable}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={registry.scroll} tabIndex={0} aria-label={label}>
        <table className={registry.table}>
          <thead>
            <tr>
              <th>{messages.minute}</th>
              <th className={registry.number}>{messages.requests}</th>
              <th className={registry.number}>{messages.failed}</th>
              <th className={registry.number}>{messages.p50}</th>
              <th className={registry.number}>{messages.p95}</th>
            </tr>
          </thead>
          <tbody>
            {busy.map((minute) => (
              <tr key={minute.time}>
                <td>{formatClock(minute.time).slice(0, 5)}</td>
                <td className={registry.number}>{formatCount(minute.requests)}</td>
                <td className={registry.number}>{formatCount(minute.failed)}</td>
                <td className={registry.number}>
                  {messages.within(minute.p50, minute.requests > minute.failed)}
                </td>
                <td className={registry.number}>
                  {messages.within(minute.p95, minute.requests > minute.failed)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

export function Curves({ of }: { of: VersionFigures }) {
  const most = Math.max(0, ...of.minutes.map((minute) => minute.requests));
  const worst = Math.max(...of.minutes.map((minute) => minute.p95 ?? 0));
  const answered = of.requests > of.failed + of.refused;
  return (
    <>
      <dl className={styles.figures}>
        <div>
          <dt>{messages.requests}</dt>
          <dd>{formatCount(of.requests)}</dd>
        </div>
        <div>
          <dt>{messages.failed}</dt>
          <dd>{messages.failedOf(of.failed, of.requests)}</dd>
        </div>
        <div>
          <dt>{messages.refused}</dt>
          <dd>{formatCount(of.refused)}</dd>
        </div>
        <div>
          <dt>{messages.p50}</dt>
          <dd>{messages.within(of.p50, answered)}</dd>
        </div>
        <div>
          <dt>{messages.p95}</dt>
          <dd>{messages.within(of.p95, answered)}</dd>
        </div>
      </dl>
      {of.requests > 0 && (
        <>
          <div className={styles.curves}>
            <figure>
              <Bars of={of} label={messages.requestsDrawn(of.version, of.requests, of.failed, most)} />
              <figcaption className={`${registry.quiet} ${registry.small}`}>
                {messages.requestsCurve}
              </figcaption>
            </figure>
            {worst > 0 && (
              <figure>
                <Latency of={of} worst={worst} label={messages.latencyDrawn(of.version, worst)} />
                <figcaption className={`${registry.quiet} ${registry.small}`}>
                  {messages.latencyCurve}
                </figcaption>
              </figure>
            )}
          </div>
          <MinutesTable of={of} />
        </>
      )}
    </>
  );
}
