/** All keyboard shortcuts. */
import { useEffect } from "react";
import { messages, shortcuts } from "./messages";
import styles from "./settings.module.css";

export function ShortcutsPage() {
  useEffect(() => {
    document.title = `${messages.shortcuts} · Assay`;
  }, []);
  return (
    <div className={styles.page}>
      <h1>{messages.shortcuts}</h1>
      {shortcuts.map(([place, keys]) => (
        <section key={place} className={styles.section} aria-label={place}>
          <h2>{place}</h2>
          <table className={styles.table}>
            <tbody>
              {keys.map(([key, what]) => (
                <tr key={key}>
                  <th scope="row">
                    {key.split(" ").map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </th>
                  <td>{what}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  );
}
