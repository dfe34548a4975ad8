import type { ManifestValue } from "./manifest-tree.ts";

/** One value of a resource, for devices of one kind. */
export interface ResourceValue {
  /** Dots per inch; 0 where it is for any screen. */
  readonly density: number;
  /** True when it is for every device: the default. */
  readonly isDefault: boolean;
  readonly value: ManifestValue;
}

/** What resources an app has, by number. */
export interface Resources {
  /** The values of a resource for all kinds of devices; none where it is not the app's. Throws `UnreadableError`. */
  lookup(id: number): readonly ResourceValue[];
}

/** Resources may refer to others, in hostile files to themselves. */
const MAX_REFERENCES = 20;

/** The value itself, with references followed in the resources for any device; undefined where it leads nowhere. */
export function resolveValue(
  value: ManifestValue | undefined,
  resources: Resources | undefined,
): Exclude<ManifestValue, { kind: "reference" }> | undefined {
  let resolved = value;
  for (let step = 0; step < MAX_REFERENCES; step += 1) {
    if (resolved?.kind !== "reference") return resolved;
    const values = resources?.lookup(resolved.id) ?? [];
    resolved = (values.find(({ isDefault }) => isDefault) ?? values[0])?.value;
  }
  return undefined;
}

export function resolveText(
  value: ManifestValue | undefined,
  resources: Resources | undefined,
): string | null {
  const resolved = resolveValue(value, resources);
  return resolved?.kind === "text" ? resolved.text : null;
}

export function resolveNumber(
  value: ManifestValue | undefined,
  resources: Resources | undefined,
): number | null {
  const resolved = resolveValue(value, resources);
  return resolved?.kind === "number" ? resolved.number : null;
}

export function resolveBoolean(
  value: ManifestValue | undefined,
  resources: Resources | undefined,
): boolean | undefined {
  const resolved = resolveValue(value, resources);
  return resolved?.kind === "boolean" ? resolved.value : undefined;
}

/**
 * All texts a value may have on some device, with the density each is for: references are followed in all of their values, at most
 * `MAX_REFERENCES` in all.
 */
export function resolveAllTexts(
  value: ManifestValue | undefined,
  resources: Resources | undefined,
): { readonly text: string; readonly density: number }[] {
  const texts: { text: string; density: number }[] = [];
  const left: ResourceValue[] = value ? [{ density: 0, isDefault: true, value }] : [];
  let followed = 0;
  for (let one = left.shift(); one !== undefined; one = left.shift()) {
    if (one.value.kind === "text") texts.push({ text: one.value.text, density: one.density });
    if (one.value.kind !== "reference" || followed === MAX_REFERENCES) continue;
    followed += 1;
    const density = one.density;
    const values = resources?.lookup(one.value.id) ?? [];
    left.push(...values.map((next) => ({ ...next, density: next.density || density })));
  }
  return texts;
}
