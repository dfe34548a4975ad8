import type { RandomAccess } from "../base/random-access.ts";
import type { ArchReading } from "./arch-reading.ts";
import type { Arch, DeclaredArtifact, Finding, Icon, Identity, InspectOptions } from "./inspection.ts";

/** A file whose leading bytes are its format's. */
export interface FileToInspect extends InspectOptions {
  readonly bytes: RandomAccess;
  readonly declared: DeclaredArtifact;
}

/** What the reader of a format found. */
export interface FormatReport {
  /** JSON values only, names in snake_case. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly identity: Identity;
  readonly findings: readonly Finding[];
  /** The file's word on its processor, where the format has one and an omitted `arch` is taken from it. */
  readonly arch?: ArchReading;
  /** The processors that it can run on, where a declared one is only held against them. Empty when any will do. */
  readonly runsOn?: readonly Arch[];
  readonly icon?: Icon;
}

/**
 * Reads what is inside the files of one format. May throw `UnreadableError` where a file makes no sense; `inspectArtifact`
 * turns that into a finding, but what was found before it is lost, so a reader catches it wherever it can go on.
 */
export type FormatReader = (file: FileToInspect) => Promise<FormatReport>;

/** The identity of a file that names none. */
export const noIdentity: Identity = { id: null, version: null, build: null, label: null, signers: [] };
