/**
 * Every order in which two actors' steps can follow one another. An actor is asynchronous work that calls `step` before
 * whatever the other could come between; from there to its next `step` it runs alone.
 */
export type Actor = (step: (name: string) => Promise<void>) => Promise<void>;

/** Runs `scene` once for each order; it makes the two actors anew and looks at what they left. Answers how many there are. */
export async function everyOrder(
  scene: () => Promise<{ actors: readonly Actor[]; after: (order: readonly string[]) => Promise<void> }>,
): Promise<number> {
  // Depth first: each run repeats the choices of the one before up to the last that had another way to go.
  let choices: number[] = [];
  for (let runs = 1; ; runs++) {
    const { actors, after } = await scene();
    const { taken, order } = await play(actors, choices);
    await after(order);
    const turn = taken.findLastIndex(({ choice, of }) => choice + 1 < of);
    if (turn === -1) return runs;
    choices = taken.slice(0, turn + 1).map(({ choice }, index) => (index === turn ? choice + 1 : choice));
  }
}

async function play(actors: readonly Actor[], choices: readonly number[]) {
  const players = actors.map((actor) => new Player(actor));
  const taken: { choice: number; of: number }[] = [];
  const order: string[] = [];
  for (;;) {
    for (const player of players) await player.rests();
    const ready = players.filter(({ waiting }) => waiting !== undefined);
    if (ready.length === 0) break;
    const choice = choices[taken.length] ?? 0;
    taken.push({ choice, of: ready.length });
    const player = ready[choice]!;
    order.push(player.waiting!.name);
    player.goOn();
  }
  for (const { failure } of players) if (failure !== undefined) throw failure;
  return { taken, order };
}

/** An actor that goes on only when told. */
class Player {
  waiting: { readonly name: string; readonly resume: () => void } | undefined;
  failure: unknown;
  #rests: Promise<void>;
  #rest: () => void = () => {};

  constructor(actor: Actor) {
    this.#rests = this.#untilRest();
    const step = (name: string): Promise<void> =>
      new Promise((resume) => {
        this.waiting = { name, resume };
        this.#rest();
      });
    actor(step)
      .catch((error: unknown) => {
        this.failure = error;
      })
      .finally(() => this.#rest());
  }

  /** Resolves when it waits before a step, or has ended. */
  rests(): Promise<void> {
    return this.#rests;
  }

  goOn(): void {
    const { resume } = this.waiting!;
    this.waiting = undefined;
    this.#rests = this.#untilRest();
    resume();
  }

  #untilRest(): Promise<void> {
    return new Promise((resolve) => {
      this.#rest = resolve;
    });
  }
}
