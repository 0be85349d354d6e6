import { describe, expect, it } from "vitest";
import { delta, factOf, packageFacts, packagesOf, sentencesOf, tagSection } from "./differences";

describe("facts", () => {
  it("differ by meaning", () => {
    expect(factOf("params", "lr", ["1e-3", "0.001"]).differs).toBe(false);
    expect(factOf("params", "lr", ["1e-3", "0.01"]).differs).toBe(true);
    expect(factOf("params", "lr", ["1e-3", null]).differs).toBe(true);
  });
  it("sort tags by what they are about", () => {
    expect(tagSection("mlflow.source.git.commit")).toBe("code");
    expect(tagSection("assay.gpu")).toBe("hardware");
    expect(tagSection("mlflow.runName")).toBeNull();
    expect(tagSection("team")).toBe("tags");
  });
  it("count what a metric gained", () => {
    expect(delta(0.3, 0.1)).toBe(0.2);
    expect(delta("NaN", 0.1)).toBeNull();
  });
});

describe("packages", () => {
  const first = packagesOf(
    "# Python 3.11.9\nnumpy==2.0.1\nScikit_Learn==1.5\n\nmine==0.1  # editable, from /x\n",
  );
  const second = packagesOf("# Python 3.12.1\r\nnumpy==2.0.1\r\ntool @ git+https://example.org/t@abc\r\n");
  it("are read by name and version", () => {
    expect([...first]).toEqual([
      ["python", "3.11.9"],
      ["numpy", "2.0.1"],
      ["scikit-learn", "1.5"],
      ["mine", "0.1"],
    ]);
    expect(second.get("tool")).toBe("git+https://example.org/t@abc");
  });
  it("are compared among runs that have a list", () => {
    const facts = packageFacts([first, null, second]);
    expect(facts.filter((fact) => fact.differs).map((fact) => fact.key)).toEqual([
      "mine",
      "python",
      "scikit-learn",
      "tool",
    ]);
    expect(packageFacts([first, null])).toEqual([]);
  });
});

describe("sentences", () => {
  it("say what changed, came and went, causes first", () => {
    const facts = [
      factOf("metrics", "loss", [0.5, 0.4]),
      factOf("params", "lr", ["0.1", "0.2"]),
      factOf("params", "same", ["1", "1.0"]),
      factOf("params", "dropout", [null, "0.5"]),
      factOf("tags", "team", ["vision", null]),
    ];
    expect(sentencesOf(facts, 1).map((one) => [one.section, one.parts])).toEqual([
      ["params", ["lr is 0.2 instead of 0.1", "dropout is 0.5, which the baseline lacks"]],
      ["tags", ["team is missing; the baseline has vision"]],
      ["metrics", ["loss is 0.4, 0.1 less"]],
    ]);
  });
  it("stay short", () => {
    const many = Array.from({ length: 20 }, (_, i) => factOf("params", `p${i}`, ["1", "x".repeat(10_000)]));
    const [found] = sentencesOf(many, 1, 5);
    expect(found?.parts).toHaveLength(5);
    expect(found?.more).toBe(15);
    expect((found?.parts[0] ?? "").length).toBeLessThan(200);
  });
});
