import { readXml } from "../windows-xml.ts";

/** The Windows versions that a manifest names by the identifiers that Microsoft gave them (supportedOS). */
const windowsById: ReadonlyMap<string, string> = new Map([
  ["{e2011457-1546-43c5-a5fe-008deee3d3f0}", "Windows Vista"],
  ["{35138b9a-5d96-4fbd-8e2d-a2440225f93a}", "Windows 7"],
  ["{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}", "Windows 8"],
  ["{1f676c76-80e1-4239-95bb-83d0f6d0da78}", "Windows 8.1"],
  ["{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}", "Windows 10 and 11"],
]);

/** What a program's manifest says about how Windows runs it. */
export interface ProgramManifest {
  /** `asInvoker`, `highestAvailable`, `requireAdministrator`; null when it does not say. */
  readonly executionLevel: string | null;
  /** It may send input to other programs' windows, of higher rights too. */
  readonly uiAccess: boolean;
  readonly supportedWindows: readonly string[];
}

/** Reads a manifest resource. Throws `UnreadableError` for what is no XML. */
export function readProgramManifest(resource: Buffer): ProgramManifest {
  let executionLevel: string | null = null;
  let uiAccess = false;
  const supported = new Set<string>();
  readXml(resource, "manifest", {
    open: (name, attributes) => {
      if (name === "requestedExecutionLevel") {
        executionLevel = attributes.get("level") ?? null;
        uiAccess = attributes.get("uiAccess")?.toLowerCase() === "true";
      }
      if (name === "supportedOS") {
        const known = windowsById.get(attributes.get("Id")?.toLowerCase() ?? "");
        if (known !== undefined) supported.add(known);
      }
    },
  });
  return { executionLevel, uiAccess, supportedWindows: [...supported] };
}
