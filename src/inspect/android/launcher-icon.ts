import type { FileTree } from "../file-tree.ts";
import type { Icon } from "../inspection.ts";
import { pictureType } from "../picture-type.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ManifestElement } from "./manifest-tree.ts";
import { type Resources, resolveAllTexts } from "./resources.ts";

/** Larger ones are no icons. */
const MAX_ICON_BYTES = 1024 * 1024;
/** So many files are looked into. */
const MAX_TRIED = 8;
/** `DENSITY_ANY` and `DENSITY_NONE`: for vectors and for pictures that are never scaled. */
const FIRST_SPECIAL_DENSITY = 0xfffe;

/**
 * The app's icon as a picture, from its configuration with the largest density, and where it stands. Undefined where it has none
 * but a drawing (an adaptive icon or a vector). Its resources' paths are below `folder`. Raises what reading the file raises.
 */
export async function launcherIcon(
  root: ManifestElement,
  resources: Resources | undefined,
  files: FileTree,
  folder: string,
): Promise<{ readonly path: string; readonly icon: Icon } | undefined> {
  const application = root.children.find(({ name }) => name === "application");
  const texts = resolveAllTexts(application?.attributes.get("android:icon"), resources);
  const candidates = texts
    .map(({ text, density }) => ({ path: folder + text, density }))
    .filter(({ path }) => files.has(path) && !path.endsWith(".xml"))
    .toSorted((a, b) => rank(b.density) - rank(a.density));
  for (const { path } of candidates.slice(0, MAX_TRIED)) {
    const bytes = await contentOf(files, path);
    const contentType = bytes && pictureType(bytes);
    if (contentType) return { path, icon: { contentType, bytes } };
  }
  return undefined;
}

function rank(density: number): number {
  return density >= FIRST_SPECIAL_DENSITY ? 0 : density;
}

/** Undefined where it is damaged or too large: another density may do. */
async function contentOf(files: FileTree, path: string): Promise<Buffer | undefined> {
  try {
    return await files.get(path)?.read(MAX_ICON_BYTES);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
