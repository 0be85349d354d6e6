import { describe, expect, it } from "vitest";
import type { Deployment } from "@/features/registry/data";
import type { Figures, Told } from "./data";
import { byVersion, lastTold, mains, quantile, stateOf } from "./figures";

const MINUTE = 60_000;
const NOW = 1_800_000_000_000 + 12_345;
const THIS = Math.floor(NOW / MINUTE) * MINUTE;
const BOUNDS = [0.001, 0.01, 0.1];

function minute(
  ago: number,
  counts: { answered?: number; refused?: number; failed?: number; buckets?: number[] },
) {
  return {
    time: THIS - ago * MINUTE,
    answered: 0,
    refused: 0,
    failed: 0,
    seconds: 0,
    buckets: [],
    ...counts,
  };
}

function told(of: Partial<Told>): Told {
  return {
    server_id: "s-1",
    name: "digits",
    version: 1,
    part: "main",
    percent: 100,
    source: "models:/digits@champion",
    host: "box",
    deployment_id: "d-1",
    minutes: [],
    time: NOW - 2_000,
    ...of,
  };
}

const figures = (...all: Told[]): Figures => ({ figures: all, bounds: BOUNDS, time: NOW });
const deployment = (of: Partial<Deployment> = {}) =>
  ({ deployment_id: "d-1", ended_time: null, ...of }) as Deployment;

describe("quantiles", () => {
  it("are the bound that the share of answers kept", () => {
    expect(quantile([90, 8, 2, 0], BOUNDS, 0.5)).toBe(0.001);
    expect(quantile([90, 8, 2, 0], BOUNDS, 0.95)).toBe(0.01);
  });

  it("are unknown without answers, and beyond the last bound", () => {
    expect(quantile([], BOUNDS, 0.5)).toBeNull();
    expect(quantile([0, 0, 0, 5], BOUNDS, 0.5)).toBeNull();
  });
});

describe("figures by version", () => {
  it("are the sum of all servers, minute by minute", () => {
    const [one] = byVersion(
      figures(
        told({ minutes: [minute(1, { answered: 3, failed: 1, buckets: [3, 0, 0, 0] })] }),
        told({ server_id: "s-2", minutes: [minute(1, { answered: 2, refused: 1, buckets: [0, 2, 0, 0] })] }),
      ),
    );
    expect(one?.servers).toHaveLength(2);
    expect(one?.minutes).toHaveLength(60);
    expect(one?.minutes.at(-2)).toEqual({
      time: THIS - MINUTE,
      requests: 7,
      failed: 1,
      p50: 0.001,
      p95: 0.01,
    });
    expect([one?.requests, one?.refused, one?.failed]).toEqual([7, 1, 1]);
  });

  it("leave out what is older than an hour, and take a clock that is ahead for now", () => {
    const [one] = byVersion(
      figures(told({ minutes: [minute(60, { answered: 5 }), minute(-2, { answered: 4 })] })),
    );
    expect(one?.requests).toBe(4);
    expect(one?.minutes.at(-1)?.requests).toBe(4);
  });

  it("have what is served first, then trials, then what answers no more", () => {
    const all = byVersion(
      figures(
        told({ version: 5, time: NOW - 90_000 }),
        told({ version: 4, part: "shadow" }),
        told({ version: 3, part: "former" }),
        told({ version: 2, part: "canary" }),
        told({ version: 1 }),
      ),
    );
    expect(all.map((one) => one.version)).toEqual([1, 2, 4, 5, 3]);
  });
});

describe("the state of a deployment", () => {
  it("is what its server told, and when", () => {
    expect(stateOf(deployment(), figures(told({})))).toBe("answering");
    expect(stateOf(deployment(), figures(told({ time: NOW - 90_000 })))).toBe("silent");
    expect(stateOf(deployment(), figures(told({ deployment_id: "" })))).toBe("noted");
    expect(stateOf(deployment({ ended_time: 5 }), figures(told({})))).toBe("ended");
    expect(lastTold(deployment(), figures(told({ time: 3 }), told({ time: 9 })))).toBe(9);
  });
});

it("what is served beside trials is known by what was asked for", () => {
  const all = figures(
    told({ version: 3 }),
    told({ server_id: "s-2", version: 3 }),
    told({ version: 4, part: "canary" }),
    told({ server_id: "s-3", version: 2, time: NOW - 90_000 }),
  );
  expect([...mains(all, "digits")]).toEqual([["models:/digits@champion", [3]]]);
});
