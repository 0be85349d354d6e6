/** What a binary file says about itself. The server read it without loading anything of it. */
import { useQuery } from "@tanstack/react-query";
import { formatBytes } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { BytesView } from "./BytesView";
import { messages } from "./messages";
import { type Header, headerQuery, type Place } from "./place";
import { visible } from "./spans";
import styles from "./views.module.css";

export default function HeaderView({ place, path }: { place: Place; path: string }) {
  const header = useQuery(headerQuery(place, path));
  if (header.isError) {
    return (
      <div className={styles.fill}>
        <ErrorNotice error={header.error} />
        <BytesView place={place} path={path} />
      </div>
    );
  }
  if (!header.data) return <Skeleton height={300} />;
  const { tensors, entries, globals } = header.data;
  const tellsLittle = tensors.length + entries.length + globals.length === 0;
  return (
    <div className={styles.fill}>
      <HeaderFacts header={header.data} />
      {tellsLittle && <BytesView place={place} path={path} />}
    </div>
  );
}

function HeaderFacts({ header }: { header: Header }) {
  const facts = Object.entries(header.facts);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={messages.content}>
      <dl className={styles.facts}>
        <dt>{messages.format}</dt>
        <dd>{header.format}</dd>
        {facts.map(([name, text]) => (
          <FactRow key={name} name={name} text={text} />
        ))}
      </dl>
      {header.globals.length > 0 && (
        <section>
          <h3>{messages.globals}</h3>
          <Notice title={messages.globalsHint} tone="warn">
            <code className={styles.names}>{header.globals.map(visible).join("\n")}</code>
          </Notice>
        </section>
      )}
      {header.tensors.length > 0 && (
        <section>
          <h3>{`${messages.tensors} (${header.tensors.length})`}</h3>
          <table className={styles.plain}>
            <thead>
              <tr>
                <th scope="col">{messages.name}</th>
                <th scope="col">{messages.dtype}</th>
                <th scope="col">{messages.shape}</th>
              </tr>
            </thead>
            <tbody>
              {header.tensors.map((tensor, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: names in a file may repeat
                <tr key={place}>
                  <td>
                    <bdi>{visible(tensor.name)}</bdi>
                  </td>
                  <td>{tensor.dtype}</td>
                  <td>{tensor.shape.length ? tensor.shape.join(" × ") : messages.scalar}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {header.entries.length > 0 && (
        <section>
          <h3>{`${messages.members} (${header.entries.length})`}</h3>
          <table className={styles.plain}>
            <thead>
              <tr>
                <th scope="col">{messages.name}</th>
                <th scope="col">{messages.size}</th>
              </tr>
            </thead>
            <tbody>
              {header.entries.map((entry, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: an archive may hold a name twice
                <tr key={place}>
                  <td>
                    <bdi>{visible(entry.name)}</bdi>
                  </td>
                  <td className={styles.right}>{formatBytes(entry.size)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {header.opcodes.length > 0 && (
        <details>
          <summary>{messages.opcodes}</summary>
          <pre className={styles.names}>{header.opcodes.map(visible).join("\n")}</pre>
        </details>
      )}
      {header.truncated && <p className={styles.quiet}>{messages.headerCut}</p>}
    </div>
  );
}

function FactRow({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>
        <bdi>{visible(name)}</bdi>
      </dt>
      <dd>
        <bdi>{visible(text)}</bdi>
      </dd>
    </>
  );
}
