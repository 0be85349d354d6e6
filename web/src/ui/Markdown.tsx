/** Markdown of users, sanitised; loaded only where there is some. */
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { useMemo } from "react";
import styles from "./markdown.module.css";

const MAX_CHARACTERS = 500_000;

/** Links lead out in a new tab and carry nothing of this page with them. Pictures from elsewhere stay links. */
const purifier = DOMPurify();
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  }
  if (node.tagName === "IMG" && !/^data:image\//.test(node.getAttribute("src") ?? "")) {
    node.replaceWith(node.getAttribute("alt") ?? "");
  }
});

/** HTML in the text: plain tags without attributes stay, all else is shown as it was typed. */
const PLAIN_TAG =
  /<(?!\/?(?:b|i|em|strong|u|s|del|ins|mark|sub|sup|kbd|br|hr|p|ul|ol|li|details|summary)\s*\/?>)/gi;

/** The browser reports an event handler to the console even where it is only parsed, so none gets that far. */
const marked = new Marked({
  renderer: { html: ({ text }) => text.replace(/<!--[\s\S]*?-->/g, "").replace(PLAIN_TAG, "&lt;") },
});

export function safeHtml(markdown: string): string {
  const html = marked.parse(markdown.slice(0, MAX_CHARACTERS), { async: false, gfm: true });
  return purifier.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["style", "form", "input", "button", "iframe", "object", "video", "audio"],
    FORBID_ATTR: ["style", "id", "name", "class", "srcset"],
  });
}

export default function Markdown({ text }: { text: string }) {
  const html = useMemo(() => safeHtml(text), [text]);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitised just above
  return <div className={styles.markdown} dangerouslySetInnerHTML={{ __html: html }} />;
}
