/** How to do a run again: commands of git, pip or uv and Assay, built from what was captured with it. */
import { quotedShell } from "@/features/files/place";
import { visible } from "@/features/files/spans";
import { PATCH_PATH, REQUIREMENTS_PATH } from "./data";

export interface Captured {
  runId: string;
  commit?: string;
  remote?: string;
  command?: string;
  python?: string;
  hasPatch: boolean;
  hasRequirements: boolean;
}

export type Installer = "uv" | "pip";
export interface Step {
  comment: "code" | "unpushed" | "patch" | "environment" | "run";
  commands: string[];
}

const COMMIT = /^[0-9a-f]{7,64}$/i;
const VERSION = /(\d+\.\d+)(?:\.\d+)?/;

/** The folder that `git clone` makes. */
function folderOf(remote: string): string {
  const name = remote.replace(/\/+$/, "").split(/[/:]/).at(-1) ?? "";
  return name.replace(/\.git$/, "") || "repository";
}

function environment(captured: Captured, installer: Installer): string[] {
  const version = captured.python?.match(VERSION)?.[1];
  const path = quotedShell(REQUIREMENTS_PATH.split("/").at(-1) as string);
  const fetch = `assay artifacts get ${captured.runId} ${REQUIREMENTS_PATH}`;
  if (installer === "uv") {
    return [
      fetch,
      `uv venv${version ? ` --python ${version}` : ""}`,
      `uv pip install -r ${path}`,
      ". .venv/bin/activate",
    ];
  }
  return [
    fetch,
    `python${version ?? "3"} -m venv .venv`,
    ". .venv/bin/activate",
    `python -m pip install -r ${path}`,
  ];
}

/** The steps in their order; none where nothing was captured. */
export function reproduceSteps(captured: Captured, installer: Installer): Step[] {
  const steps: Step[] = [];
  const commit = captured.commit && COMMIT.test(captured.commit) ? captured.commit : "";
  if (commit && captured.remote) {
    const remote = visible(captured.remote);
    const folder = folderOf(remote);
    steps.push({
      comment: "code",
      // `--`: a name that begins with a dash is no option.
      commands: [
        `git clone -- ${quotedShell(remote)} ${quotedShell(folder)}`,
        `cd -- ${quotedShell(folder)}`,
        `git checkout ${commit}`,
      ],
    });
  } else if (commit) steps.push({ comment: "unpushed", commands: [`git checkout ${commit}`] });
  if (captured.hasPatch) {
    steps.push({
      comment: "patch",
      commands: [`assay artifacts get ${captured.runId} ${PATCH_PATH}`, "git apply source.patch"],
    });
  }
  if (captured.hasRequirements) {
    steps.push({ comment: "environment", commands: environment(captured, installer) });
  }
  if (captured.command) steps.push({ comment: "run", commands: [visible(captured.command)] });
  return steps;
}

/** The page of a commit at the host of its repository; null where that can't be told or is no web page. */
export function commitUrl(remote: string | undefined, commit: string | undefined): string | null {
  if (!remote || !commit || !COMMIT.test(commit)) return null;
  const asUrl = remote.replace(/^(?:ssh:\/\/)?git@([\w.-]+)(?::\d+(?=\/))?[:/]/, "https://$1/");
  let url: URL;
  try {
    url = new URL(asUrl);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  const path = url.pathname.replace(/\/+$/, "").replace(/\.git$/, "");
  if (path.split("/").length < 3) return null;
  const between = /gitlab/i.test(url.hostname)
    ? "-/commit"
    : /bitbucket/i.test(url.hostname)
      ? "commits"
      : "commit";
  return `${url.origin}${path}/${between}/${commit}`;
}
