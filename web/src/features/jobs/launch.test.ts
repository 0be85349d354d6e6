import { describe, expect, test } from "vitest";
import { byQueue, type Job } from "./data";
import {
  hasVersions,
  isQueue,
  isVersion,
  type Launch,
  launchJson,
  launchOfTags,
  launchTags,
  newJobId,
  parametersOf,
  parseLaunch,
  problemOf,
  resourcesOf,
  sendable,
} from "./launch";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const LAUNCH: Launch = {
  project: "https://git.example.org/a/b.git#train",
  version: COMMIT,
  entryPoint: "main",
  parameters: { rate: "0.1" },
  declared: [],
  others: { env_manager: "uv", resources: { cpu: 2, gpu: 1 } },
};

describe("addresses of projects", () => {
  test("what agents fetch is taken", () => {
    for (const project of [
      "https://git.example.org/a/b",
      "git+https://git.example.org/a/b#sub/folder",
      "ssh://git@git.example.org:22/a/b.git",
      "git@git.example.org:a/b.git",
      "git://[::1]/a/b",
      "https://example.org/code.zip",
      "runs:/0123abcd/assay/project.zip#train",
    ])
      expect([project, problemOf(project)]).toEqual([project, null]);
  });

  test("what would be another machine's, or would run something, is told", () => {
    for (const [project, problem] of [
      ["  ", "empty"],
      ["--upload-pack=x", "dash"],
      ["ext::sh -c x", "helper"],
      ["git+ext::sh -c x", "helper"],
      ["/home/ana/code", "local"],
      ["./code", "local"],
      ["file:///home/ana/code", "local"],
      ["host:22", "local"],
      ["ftp://example.org/x", "scheme"],
      ["https://ana:pw@example.org/x", "secret"],
      ["https://ana@example.org/x", "secret"],
      ["ssh://ana:pw@example.org/x", "secret"],
      ["https://example.org/x#../y", "folder"],
      ["https://example.org/x#/y", "folder"],
      ["https:///x", "odd"],
      ["ssh://-oProxyCommand=x/y", "odd"],
      ["https://example.org/\u202e", "odd"],
      ["https://example.org/\n", null],
      ["https://example.org/a\nb", "odd"],
      ["runs:/0123abcd", "archive"],
      ["runs:/0123abcd/model.pkl", "archive"],
    ] as const)
      expect([project, problemOf(project)]).toEqual([project, problem]);
  });

  test("only Git has versions, and they look like some", () => {
    expect(hasVersions("git@host:a/b.git#c.zip")).toBe(true);
    expect(hasVersions("https://example.org/code.zip?raw=1")).toBe(false);
    expect(hasVersions("runs:/1/a.zip")).toBe(false);
    expect(["", "main", "v1.2", "feature/x", COMMIT].map(isVersion)).toEqual(Array(5).fill(true));
    expect(["-x", "a..b", "HEAD@{1}", "a b"].map(isVersion)).toEqual(Array(4).fill(false));
    expect(["gpu", "a.b-c_1"].map(isQueue)).toEqual([true, true]);
    expect(["", "-x", "a b", "x".repeat(101)].map(isQueue)).toEqual(Array(4).fill(false));
  });
});

describe("launches", () => {
  test("what holds on one machine only is left behind", () => {
    const kept = parseLaunch(
      JSON.stringify({
        run_id: "old",
        experiment_id: "1",
        tracking_uri: "http://elsewhere",
        project: "/home/ana/code",
        parameters: { rate: "0.1", odd: 3 },
        caller_folder: "/home/ana",
        environment_folder: "/home/ana/.venv",
        unset: ["X"],
        env_manager: "uv",
        secrets: ["TOKEN"],
      }),
    );
    expect(kept).toEqual({
      project: "/home/ana/code",
      version: "",
      entryPoint: "main",
      parameters: { rate: "0.1" },
      declared: [],
      others: { env_manager: "uv", secrets: ["TOKEN"] },
    });
    for (const json of ["", "[]", "null", '{"project": 1}']) expect(parseLaunch(json)).toBeNull();
  });

  test("a job carries the launch for its run, and no address of the server", () => {
    expect(JSON.parse(launchJson(LAUNCH, { runId: "new", experimentId: "7" }))).toEqual({
      env_manager: "uv",
      resources: { cpu: 2, gpu: 1 },
      run_id: "new",
      experiment_id: "7",
      tracking_uri: "",
      project: LAUNCH.project,
      version: COMMIT,
      entry_point: "main",
      parameters: { rate: "0.1" },
    });
    const zip = { ...LAUNCH, project: " https://example.org/code.zip " };
    expect(JSON.parse(launchJson(zip, { runId: "new", experimentId: "7" }))).not.toHaveProperty("version");
    expect(resourcesOf(LAUNCH)).toEqual({ cpu: 2, memory_mb: 0, gpu: 1 });
    expect(resourcesOf({ ...LAUNCH, others: { resources: { cpu: "many" } } }).cpu).toBe(0);
  });

  test("its run has MLflow's tags of a project's run", () => {
    expect(launchTags(LAUNCH, "before")).toEqual({
      "mlflow.source.name": LAUNCH.project,
      "mlflow.source.type": "PROJECT",
      "mlflow.project.backend": "queue",
      "mlflow.project.entryPoint": "main",
      "mlflow.project.env": "uv",
      "mlflow.source.git.repoURL": "https://git.example.org/a/b.git",
      "mlflow.gitRepoURL": "https://git.example.org/a/b.git",
      "mlflow.source.git.commit": COMMIT,
      "assay.project.from_run": "before",
    });
    const branch = launchTags({ ...LAUNCH, version: "main", others: {} }, undefined);
    expect(branch).not.toHaveProperty("mlflow.source.git.commit");
    expect(branch).not.toHaveProperty("mlflow.project.env");
  });

  test("a clean commit of a repository with an address reaches an agent, a folder doesn't", () => {
    const tags = {
      "mlflow.source.name": "/home/ana/code",
      "mlflow.source.git.commit": COMMIT,
      "mlflow.source.git.repoURL": "git@git.example.org:a/b.git",
      "assay.source.git.dirty": "false",
      "assay.source.directory": "train",
    };
    const local = launchOfTags(tags, { rate: "1" });
    expect(sendable(local, tags)).toMatchObject({
      project: "git@git.example.org:a/b.git#train",
      version: COMMIT,
      parameters: { rate: "1" },
    });
    expect(sendable(local, { ...tags, "assay.source.git.dirty": "true" })).toBeNull();
    expect(sendable(local, { ...tags, "mlflow.source.git.repoURL": "/srv/b.git" })).toBeNull();
    expect(sendable(LAUNCH, {})).toBe(LAUNCH);
  });

  test("ids of jobs are those that the server takes", () => {
    expect(newJobId()).toMatch(/^[0-9a-f]{32}$/);
    expect(newJobId()).not.toBe(newJobId());
  });
});

test("parameters keep their values to the letter, and each name is there once", () => {
  const rows = ["a", " b ", "a", "-x", ""].map((name, id) => ({
    id,
    name,
    value: id === 4 ? "" : `v${id} ;"$`,
  }));
  expect(parametersOf(rows)).toEqual({
    values: { a: 'v0 ;"$', b: 'v1 ;"$' },
    wrong: ["a", "-x"],
    problems: {},
  });
  expect(parametersOf([{ id: 0, name: "", value: "x" }]).wrong).toEqual([""]);
});

test("jobs stand below their queues, each queue once", () => {
  const jobs = ["gpu", "cpu", "gpu"].map((queue, at) => ({ queue, job_id: String(at) }) as Job);
  expect(byQueue(jobs).map(([queue, some]) => [queue, some.map((job) => job.job_id)])).toEqual([
    ["cpu", ["1"]],
    ["gpu", ["0", "2"]],
  ]);
});
