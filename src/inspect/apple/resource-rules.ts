import { dictAt, isDict, type PlistDict } from "./plist-value.ts";
import { type MatchBudget, PosixPattern } from "./posix-pattern.ts";

/** Apple's own rules are some ten. */
const MAX_RULES = 100;
const MAX_STEPS = 50_000_000;

interface Rule {
  readonly pattern: PosixPattern;
  readonly weight: number;
  readonly isOmitted: boolean;
}

/**
 * Which files a seal does not have to have. Throws `UnreadableError` while it is made or asked when the rules are none that are
 * applied here.
 */
export class ResourceRules {
  readonly #rules: readonly Rule[];
  readonly #budget: MatchBudget = { steps: MAX_STEPS };

  /**
   * `rules2` of CodeResources (or `rules` of an old one): patterns with `true`, or with a dictionary of `weight` (1 when absent),
   * `omit`, `optional`, `nested`.
   */
  constructor(seal: PlistDict) {
    const rules = seal.has("rules2") ? dictAt(seal, "rules2") : dictAt(seal, "rules");
    this.#rules = [...rules].slice(0, MAX_RULES).map(([source, value]) => {
      const options = isDict(value) ? value : new Map();
      const weight = options.get("weight");
      return {
        pattern: new PosixPattern(source),
        weight: typeof weight === "number" ? weight : 1,
        isOmitted: options.get("omit") === true,
      };
    });
  }

  /** True for a file that may be there without being sealed: the heaviest rule whose pattern fits leaves it out, or none fits. */
  leavesOut(path: string): boolean {
    let best: Rule | undefined;
    for (const rule of this.#rules) {
      if (best !== undefined && rule.weight <= best.weight) continue;
      if (rule.pattern.matches(path, this.#budget)) best = rule;
    }
    return best?.isOmitted ?? true;
  }
}
