/** The first bytes of a file, as numbers and as letters: what is left when nothing else fits. */
import { useQuery } from "@tanstack/react-query";
import { send } from "@/api/client";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { messages } from "./messages";
import { type Place, placeKey, rawUrl } from "./place";
import styles from "./views.module.css";

const SHOWN = 512;
const ROW = 16;

export function hexRows(bytes: Uint8Array): { at: string; hex: string; text: string }[] {
  const rows = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const part = [...bytes.subarray(at, at + ROW)];
    rows.push({
      at: at.toString(16).padStart(6, "0"),
      hex: part.map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
      text: part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join(""),
    });
  }
  return rows;
}

export function BytesView({ place, path, hint }: { place: Place; path: string; hint?: string }) {
  const bytes = useQuery({
    queryKey: ["files", "bytes", placeKey(place), path],
    queryFn: async ({ signal }) => {
      const answer = await send(rawUrl(place, path), { headers: { range: `bytes=0-${SHOWN - 1}` }, signal });
      return new Uint8Array((await answer.arrayBuffer()).slice(0, SHOWN));
    },
    retry: false,
    staleTime: 30_000,
  });
  if (bytes.isError) {
    // A range of an empty file does not exist.
    const status = (bytes.error as { status?: number }).status;
    return status === 416 ? <p>{messages.emptyFile}</p> : <ErrorNotice error={bytes.error} />;
  }
  if (!bytes.data) return <Skeleton height={200} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={messages.content}>
      {hint && <p className={styles.quiet}>{hint}</p>}
      <h3>{messages.firstBytes(bytes.data.length)}</h3>
      <table className={styles.hex} aria-label={messages.hex}>
        <tbody>
          {hexRows(bytes.data).map((row) => (
            <tr key={row.at}>
              <th scope="row">{row.at}</th>
              <td>{row.hex}</td>
              <td>{row.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export default BytesView;
