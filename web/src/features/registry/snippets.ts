/** Code to copy: what a colleague types to use a model from here. */
import { ROOT } from "@/api/client";

/** A text as a Python literal. */
export function python(text: string): string {
  return JSON.stringify(text).replace(/[^\x20-\x7e]/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** Characters that are not seen, or that turn the text around them: they are spelled out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text as one word of a shell. */
export function shell(text: string): string {
  if (text.search(UNSEEN) >= 0) {
    const spelled = text
      .replace(/[\\']/g, "\\$&")
      .replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
    return `$'${spelled}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export const serverUrl = (): string => ROOT.toString().replace(/\/$/, "");

export function loadSnippet(uri: string, example: boolean): string {
  return [
    "import assay",
    "",
    `assay.set_tracking_uri(${python(serverUrl())})`,
    `model = assay.pyfunc.load_model(${python(uri)})`,
    example ? "print(model.predict(model.input_example))" : "predictions = model.predict(data)",
  ].join("\n");
}

export function predictSnippet(uri: string): string {
  return `assay -t ${shell(serverUrl())} models predict -m ${shell(uri)} \\\n  -i rows.csv -o predictions.csv`;
}

export function serveSnippet(uri: string): string {
  return `assay -t ${shell(serverUrl())} serve ${shell(uri)}`;
}

export function deploySnippet(name: string): string {
  const model = shell(`models:/${name}@champion`);
  return `assay -t ${shell(serverUrl())} deployments create -t local --name ${shell(name)} -m ${model}`;
}

export function fetchSnippet(uri: string): string {
  return `assay -t ${shell(serverUrl())} models get ${shell(uri)} -o model`;
}

export function registerSnippet(): string {
  return [
    "import assay",
    "",
    `assay.set_tracking_uri(${python(serverUrl())})`,
    "with assay.start_run():",
    '    assay.log_model(model, name="classifier", registered_model_name="digits")',
  ].join("\n");
}
