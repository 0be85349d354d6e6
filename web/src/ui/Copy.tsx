/** Copying: a small button, and a snippet of code that has one. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { IconButton } from "./Button";
import styles from "./controls.module.css";
import { messages } from "./messages";
import { toastError } from "./Toasts";

export function CopyButton({
  text,
  label = messages.copy,
}: {
  text: string | (() => string);
  label?: string;
}) {
  const [copied, setCopied] = useState(false);
  return (
    <IconButton
      label={copied ? messages.copied : label}
      onClick={(event) => {
        event.stopPropagation();
        navigator.clipboard.writeText(typeof text === "string" ? text : text()).then(() => {
          setCopied(true);
          window.setTimeout(() => setCopied(false), 1500);
        }, toastError);
      }}
    >
      {copied ? <Check size={14} /> : <Copy size={14} />}
    </IconButton>
  );
}

export function Snippet({ code }: { code: string }) {
  return (
    <div className={styles.snippet}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
      <span className={styles.snippetCopy}>
        <CopyButton text={code} />
      </span>
    </div>
  );
}
