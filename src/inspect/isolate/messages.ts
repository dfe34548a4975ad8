import type { DeclaredArtifact, Inspection, InspectOptions } from "../inspection.ts";

/** What the thread that inspects is told. */
export type ToInspector =
  | {
      readonly type: "inspect";
      readonly declared: DeclaredArtifact;
      readonly options: InspectOptions;
      readonly sizeBytes: number;
      /** A descriptor of this process by which the thread reads the file itself; absent when it has to ask. */
      readonly fd?: number;
    }
  /** The bytes that it asked for. */
  | { readonly type: "bytes"; readonly request: number; readonly bytes: Uint8Array };

/** What the thread says. */
export type FromInspector =
  | { readonly type: "read"; readonly request: number; readonly offset: number; readonly length: number }
  | { readonly type: "inspected"; readonly inspection: Inspection }
  /** Inspection itself has a fault, and this is its text. */
  | { readonly type: "failed"; readonly fault: string };
