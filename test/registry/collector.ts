import { fork } from "node:child_process";
import { on, once } from "node:events";
import { join } from "node:path";

import { localPrincipal } from "../../src/registry/principal.ts";
import { openStore } from "../../src/registry/open-store.ts";
import { engine } from "../support/test-database.ts";
import type { TestStore } from "../support/test-store.ts";

/** Who cleans up a store beside everybody else, by a clock of its own. */
export interface Collector {
  /** `ok`, or what went wrong. */
  cleanup(nowMs: number): Promise<string>;
  close(): Promise<void>;
}

/**
 * On SQLite another process: within one, nothing comes between two calls that do not wait. On the services another node in this
 * process, where every call waits.
 */
export function openCollector(test: TestStore): Promise<Collector> {
  return engine === "sqlite" ? inProcess(test) : besideIn(test);
}

async function inProcess({ directory, settings }: TestStore): Promise<Collector> {
  const child = fork(join(import.meta.dirname, "cleanup-process.ts"), [directory, JSON.stringify(settings)]);
  const messages = on(child, "message", { close: ["exit"] });
  const answer = async (): Promise<string> => {
    const { value } = await messages.next();
    return value === undefined ? "The collector's process has ended." : value[0];
  };
  await answer();
  return {
    cleanup: (nowMs) => {
      child.send(nowMs);
      return answer();
    },
    close: async () => {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
}

async function besideIn({ directory, settings, storage }: TestStore): Promise<Collector> {
  let now = 0;
  const clock = { nowMs: () => now };
  const store = await openStore({ directory, create: false, settings, storage, clock });
  const registry = store.as(localPrincipal("collector"));
  return {
    cleanup: async (nowMs) => {
      now = nowMs;
      await registry.cleanupStore({ apply: true });
      return "ok";
    },
    close: () => store.close(),
  };
}
