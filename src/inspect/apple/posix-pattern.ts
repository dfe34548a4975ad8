import { UnreadableError } from "../unreadable.ts";

/** Apple's own patterns have some sixty characters. */
const MAX_PATTERN_LENGTH = 500;
const MAX_GROUPS = 20;
const END = "";

type State =
  | { readonly kind: "character"; readonly accepts: (character: string) => boolean; next: State }
  | { readonly kind: "start" | "end"; next: State }
  | { readonly kind: "split"; next: State; other: State }
  | { readonly kind: "match" };

/**
 * How many steps matching may still take: files choose the patterns and the names, and some pairs of them cost a step for each
 * character of the one and the other.
 */
export interface MatchBudget {
  steps: number;
}

/**
 * An extended regular expression of POSIX (`.`, `[…]`, `^`, `$`, `( )`, `|`, `*`, `+`, `?`), found anywhere in a text. All ways to
 * match are followed at once, so that no pattern makes it go back and try again without end.
 */
export class PosixPattern {
  readonly #start: State;

  /** Throws `UnreadableError` for a pattern with anything else. */
  constructor(source: string) {
    if (source.length > MAX_PATTERN_LENGTH) throw unsupported(source);
    this.#start = new PatternParser(source).parse();
  }

  /** Throws `UnreadableError` when the budget is spent. */
  matches(text: string, budget: MatchBudget): boolean {
    let states = new Set<State>();
    for (let at = 0; at <= text.length; at += 1) {
      // The match may begin here as well.
      follow(this.#start, at, text.length, states);
      const character = text[at] ?? END;
      const next = new Set<State>();
      for (const state of states) {
        budget.steps -= 1;
        if (state.kind === "match") return true;
        if (state.kind === "character" && character !== END && state.accepts(character)) {
          follow(state.next, at + 1, text.length, next);
        }
      }
      if (budget.steps < 0) {
        throw new UnreadableError("limit", "The rules for sealed resources take too long to apply.", WHERE);
      }
      states = next;
    }
    return [...states].some(({ kind }) => kind === "match");
  }
}

/** Adds the states that are reached from this one without a character. */
function follow(state: State, at: number, length: number, states: Set<State>): void {
  const open = [state];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (states.has(one)) continue;
    states.add(one);
    if (one.kind === "split") open.push(one.next, one.other);
    else if (one.kind === "start" && at === 0) open.push(one.next);
    else if (one.kind === "end" && at === length) open.push(one.next);
  }
}

const WHERE = "sealed resources";
const match: State = { kind: "match" };

/** A piece of a pattern: where it begins, and the states whose `next` leads out of it. */
interface Piece {
  readonly start: State;
  readonly exits: ReadonlyArray<(next: State) => void>;
}

class PatternParser {
  readonly #source: string;
  #at = 0;
  #groups = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): State {
    const piece = this.#alternatives();
    if (this.#at < this.#source.length) throw this.#unsupported();
    for (const exit of piece.exits) exit(match);
    return piece.start;
  }

  #alternatives(): Piece {
    let piece = this.#sequence();
    while (this.#source[this.#at] === "|") {
      this.#at += 1;
      const other = this.#sequence();
      const start: State = { kind: "split", next: piece.start, other: other.start };
      piece = { start, exits: [...piece.exits, ...other.exits] };
    }
    return piece;
  }

  #sequence(): Piece {
    let piece = single({ kind: "split", next: match, other: match });
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const next = this.#repeated();
      for (const exit of piece.exits) exit(next.start);
      piece = { start: piece.start, exits: next.exits };
    }
    return piece;
  }

  #repeated(): Piece {
    let piece = this.#atom();
    for (let sign = this.#source[this.#at]; sign !== undefined && "*+?".includes(sign);) {
      this.#at += 1;
      const split: State & { kind: "split" } = { kind: "split", next: piece.start, other: match };
      const leave = (next: State) => void (split.other = next);
      if (sign === "?") {
        piece = { start: split, exits: [...piece.exits, leave] };
      } else {
        for (const exit of piece.exits) exit(split);
        piece = { start: sign === "*" ? split : piece.start, exits: [leave] };
      }
      sign = this.#source[this.#at];
    }
    return piece;
  }

  #atom(): Piece {
    const character = this.#source[this.#at]!;
    this.#at += 1;
    switch (character) {
      case "^":
        return single({ kind: "start", next: match });
      case "$":
        return single({ kind: "end", next: match });
      case ".":
        return accepting(() => true);
      case "[":
        return this.#set();
      case "(":
        return this.#group();
      case "\\": {
        const escaped = this.#source[this.#at];
        if (escaped === undefined || /[A-Za-z0-9]/.test(escaped)) throw this.#unsupported();
        this.#at += 1;
        return accepting((one) => one === escaped);
      }
      case "*":
      case "+":
      case "?":
      case "{":
        throw this.#unsupported();
      default:
        return accepting((one) => one === character);
    }
  }

  #group(): Piece {
    this.#groups += 1;
    if (this.#groups > MAX_GROUPS) throw this.#unsupported();
    const piece = this.#alternatives();
    if (this.#source[this.#at] !== ")") throw this.#unsupported();
    this.#at += 1;
    return piece;
  }

  /** `[abc]`, `[^a-z]`; a `]` that comes first is a member. */
  #set(): Piece {
    const isNegated = this.#source[this.#at] === "^";
    if (isNegated) this.#at += 1;
    const close = this.#source.indexOf("]", this.#at + 1);
    const members = this.#source.slice(this.#at, close);
    if (close === -1 || members.startsWith("[:")) throw this.#unsupported();
    this.#at = close + 1;
    const ranges = [...members.matchAll(/(.)-(.)|(.)/gsu)].map(
      ([, from, to, one]) => [from ?? one!, to ?? one!] as const,
    );
    return accepting((one) => ranges.some(([from, to]) => one >= from && one <= to) !== isNegated);
  }

  #unsupported(): UnreadableError {
    return unsupported(this.#source);
  }
}

function single(state: State & { next: State }): Piece {
  const leave = (next: State) => {
    state.next = next;
    if (state.kind === "split") state.other = next;
  };
  return { start: state, exits: [leave] };
}

function accepting(accepts: (character: string) => boolean): Piece {
  return single({ kind: "character", accepts, next: match });
}

function unsupported(source: string): UnreadableError {
  return new UnreadableError(
    "unsupported",
    `The rules for sealed resources have a pattern that is not read: ${JSON.stringify(source.slice(0, 100))}.`,
    WHERE,
  );
}
