import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import type { Entry } from "./place";
import { type Upload, UploadModel } from "./uploads";

const file = (name: string) => ({ path: name, file: new File(["x"], name) });
const states = (model: UploadModel) => model.get().map((one) => [one.path, one.state.kind]);
const nothing = async () => [];

function held() {
  const ends: Record<string, (error?: Error) => void> = {};
  const send = vi.fn(
    (upload: Upload, _: (bytes: number) => void, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        ends[upload.path] = (error) => (error ? reject(error) : resolve());
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      }),
  );
  return { ends, send };
}

describe("uploads", () => {
  it("go two at a time, and the next begins when one is through", async () => {
    const { ends, send } = held();
    const model = new UploadModel("r", send, nothing);
    await model.add(["a", "b", "c"].map(file));
    expect(states(model)).toEqual([
      ["a", "sending"],
      ["b", "sending"],
      ["c", "waiting"],
    ]);
    ends.a?.();
    await vi.waitFor(() => expect(model.get()[2]?.state.kind).toBe("sending"));
    expect(model.get()[0]?.state.kind).toBe("done");
  });

  it("that meet a file wait until replacing it is allowed", async () => {
    const { send } = held();
    const there: Entry[] = [
      { path: "a", is_dir: false, size: 1 },
      { path: "d", is_dir: true, size: null },
    ];
    const model = new UploadModel("r", send, async () => there);
    await model.add(["a", "d"].map(file));
    expect(model.get().map((one) => one.state)).toEqual([
      { kind: "asking", isFolder: false },
      { kind: "asking", isFolder: true },
    ]);
    expect(send).not.toHaveBeenCalled();
    model.replace([model.get()[0]?.id as number]);
    expect(send.mock.calls[0]?.[0].replace).toBe(true);
  });

  it("that the server finds taken meanwhile ask too, and other refusals are told", async () => {
    const { ends, send } = held();
    const model = new UploadModel("r", send, nothing);
    await model.add(["a", "b"].map(file));
    ends.a?.(new ApiError(412, "RESOURCE_ALREADY_EXISTS", "taken"));
    ends.b?.(new ApiError(400, "INVALID_PARAMETER_VALUE", "a bad name"));
    await vi.waitFor(() => expect(model.get()[1]?.state).toEqual({ kind: "failed", why: "a bad name" }));
    expect(model.get()[0]?.state.kind).toBe("asking");
    model.retry(model.get()[1]?.id as number);
    expect(model.get()[1]?.state.kind).toBe("sending");
  });

  it("that are stopped leave the list and let the next one go", async () => {
    const { send } = held();
    const model = new UploadModel("r", send, nothing);
    await model.add(["a", "b", "c"].map(file));
    model.drop(model.get()[0]?.id as number);
    await vi.waitFor(() =>
      expect(states(model)).toEqual([
        ["b", "sending"],
        ["c", "sending"],
      ]),
    );
    expect(send.mock.calls[0]?.[2].aborted).toBe(true);
  });
});
