import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { MetricFigures } from "../peers.ts";
import type { ToSupervisor } from "./messages.ts";
import { WorkerPeers } from "./worker-peers.ts";

let sent: ToSupervisor[];
let peers: WorkerPeers;
beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  peers = new WorkerPeers((message) => void sent.push(message));
});
afterEach(() => vi.useRealTimers());

const figuresOf = (name: string) => [{ name }] as unknown as MetricFigures;
const arrive = (id: number, name: string) =>
  peers.take({ type: "figures", id, asker: 1, figures: figuresOf(name) });

describe("the figures of all workers", () => {
  it("are those of as many as were asked, whichever message comes first", async () => {
    const all = peers.allMetrics();
    arrive(1, "a");
    peers.take({ type: "figures_expected", id: 1, count: 2 });
    arrive(1, "b");
    expect(await all).toEqual([figuresOf("a"), figuresOf("b")]);
    expect(vi.getTimerCount()).toBe(0);
  });

  // Anyone may ask, and one question costs every worker.
  it("are collected once for all who ask meanwhile", async () => {
    const both = Promise.all([peers.allMetrics(), peers.allMetrics()]);
    expect(sent).toEqual([{ type: "figures_wanted", id: 1 }]);
    peers.take({ type: "figures_expected", id: 1, count: 1 });
    arrive(1, "a");
    expect(await both).toEqual([[figuresOf("a")], [figuresOf("a")]]);
    void peers.allMetrics().catch(() => {});
    expect(sent.at(-1)).toEqual({ type: "figures_wanted", id: 2 });
  });

  it("are refused when one is missing, and what comes too late belongs to nobody", async () => {
    const refused = expect(peers.allMetrics()).rejects.toMatchObject({ code: "metrics.incomplete" });
    peers.take({ type: "figures_expected", id: 1, count: 2 });
    arrive(1, "a");
    await vi.advanceTimersByTimeAsync(2_000);
    await refused;
    const next = peers.allMetrics();
    arrive(1, "late");
    peers.take({ type: "figures_expected", id: 2, count: 1 });
    arrive(2, "b");
    expect(await next).toEqual([figuresOf("b")]);
  });

  it("are answered for this worker to the one that asks, and not at all when they cannot be read", async () => {
    peers.answerMetrics(async () => figuresOf("mine"));
    peers.take({ type: "read_figures", id: 7, asker: 2 });
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual([{ type: "figures", id: 7, asker: 2, figures: figuresOf("mine") }]);
    peers.answerMetrics(() => Promise.reject(new Error("no figures")));
    peers.take({ type: "read_figures", id: 8, asker: 2 });
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toHaveLength(1);
  });
});
