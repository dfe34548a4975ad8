import { httpErrors } from "../http-errors.ts";
import type { MetricFigures, Peers } from "../peers.ts";
import type { AboutFigures, ToSupervisor } from "./messages.ts";

/** How long all figures together may take: Prometheus gives up a scrape after 10 s. */
const COLLECT_MS = 2_000;

interface Collection {
  readonly id: number;
  readonly figures: MetricFigures[];
  /** How many workers were asked; undefined until the supervisor has said it. */
  expected: number | undefined;
  readonly resolve: (figures: readonly MetricFigures[]) => void;
}

/** The workers of one server, as one of them reaches them: through the supervisor. */
export class WorkerPeers implements Peers {
  readonly #send: (message: ToSupervisor) => void;
  #read: (() => Promise<MetricFigures>) | undefined;
  #lastId = 0;
  #collection: Collection | undefined;
  #collecting: Promise<readonly MetricFigures[]> | undefined;

  constructor(send: (message: ToSupervisor) => void) {
    this.#send = send;
  }

  answerMetrics(read: () => Promise<MetricFigures>): void {
    this.#read = read;
  }

  /** Whoever asks while a collection is under way gets that one: anyone may ask, and each costs every worker. */
  allMetrics(): Promise<readonly MetricFigures[]> {
    this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined));
    return this.#collecting;
  }

  /** Takes what the supervisor says. What belongs to a collection that was given up is dropped. */
  take(message: AboutFigures): void {
    if (message.type === "read_figures") {
      void this.#answer(message);
      return;
    }
    const collection = this.#collection;
    if (collection?.id !== message.id) return;
    if (message.type === "figures_expected") collection.expected = message.count;
    else collection.figures.push(message.figures);
    if (collection.figures.length === collection.expected) collection.resolve(collection.figures);
  }

  async #answer({ id, asker }: { id: number; asker: number }): Promise<void> {
    // Without an answer the asker's time runs out, which says what there is to say.
    const figures = await this.#read?.().catch(() => undefined);
    if (figures !== undefined) this.#send({ type: "figures", id, asker, figures });
  }

  async #collect(): Promise<readonly MetricFigures[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly MetricFigures[]>();
    const id = (this.#lastId += 1);
    this.#collection = { id, figures: [], expected: undefined, resolve };
    const timer = setTimeout(() => reject(incomplete()), COLLECT_MS);
    this.#send({ type: "figures_wanted", id });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#collection = undefined;
    }
  }
}

function incomplete() {
  return httpErrors.error(
    "metrics.incomplete",
    `Not every worker gave its figures within ${COLLECT_MS} ms.`,
    {
      hint: "Ask again; a worker that is being replaced, or has too much to do, answers later.",
    },
  );
}
