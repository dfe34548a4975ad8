// One of the processes of `distd --workers N`; the first process starts it.
import { runWorker } from "../server/workers/run-worker.ts";

await runWorker();
