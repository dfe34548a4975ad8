import { UnreadableError } from "../unreadable.ts";

/** Data that do not unpack, or are others than the checksum among them says. */
export class CorruptDataError extends UnreadableError {
  constructor(message: string) {
    super("damaged", message);
    this.name = "CorruptDataError";
  }
}
