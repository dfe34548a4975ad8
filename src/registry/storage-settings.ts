import type { S3Settings } from "../blob/s3/s3-settings.ts";

/** Where an operator wants the bytes. */
export type StorageSettings =
  | { readonly kind: "directory" }
  | (Omit<S3Settings, "spoolDirectory"> & {
      readonly kind: "s3";
      /** Where parts wait until they are sent; null: in the store directory. */
      readonly spoolDirectory: string | null;
    });
