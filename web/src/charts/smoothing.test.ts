import { describe, expect, it } from "vitest";
import { ema, gaussian, runningMean, runningMedian, SMOOTHINGS, smooth, timeEma } from "./smoothing";

const steps = (count: number) => Float64Array.from({ length: count }, (_, i) => i);

describe("smoothing", () => {
  it("leaves constants as they are, whatever the kind", () => {
    const flat = new Float64Array(50).fill(3);
    for (const kind of SMOOTHINGS) {
      for (const value of smooth(kind, 0.9, steps(50), flat)) expect(value).toBeCloseTo(3, 10);
    }
  });

  it("starts the average at the first value, not near zero", () => {
    expect(ema(Float64Array.of(10, 10, 10), 0.99)[0]).toBeCloseTo(10);
    expect(ema(Float64Array.of(1, 3), 0.5)[1]).toBeCloseTo((1 * 0.5 + 3) / 1.5);
  });

  it("gives the same curve at twice the rate when the weight fades with x", () => {
    const sparse = timeEma(steps(101), Float64Array.from(steps(101), Math.sqrt), 0.9);
    const x = Float64Array.from({ length: 201 }, (_, i) => i / 2);
    const dense = timeEma(x, Float64Array.from(x, Math.sqrt), 0.9);
    expect(Math.abs(sparse[100]! - dense[200]!)).toBeLessThan(0.2);
  });

  it("removes a spike by the median, spreads it by mean and bell", () => {
    const y = new Float64Array(21).fill(1);
    y[10] = 100;
    expect(runningMedian(y, 2)[10]).toBe(1);
    expect(runningMean(y, 2)[10]).toBeCloseTo((4 + 100) / 5);
    const bell = gaussian(y, 4);
    expect(bell[10]!).toBeLessThan(100);
    expect(bell[10]!).toBeGreaterThan(bell[8]!);
  });

  it("keeps holes as holes and doesn't let them spread", () => {
    const y = Float64Array.of(1, Number.NaN, 1, Number.POSITIVE_INFINITY, 1);
    for (const kind of SMOOTHINGS) {
      const out = smooth(kind, 0.9, steps(5), y);
      expect(out[1]).toBeNaN();
      expect(out[3]).toBe(Number.POSITIVE_INFINITY);
      expect(out[4]).toBeCloseTo(1);
    }
  });
});
