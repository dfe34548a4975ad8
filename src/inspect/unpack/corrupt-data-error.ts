import { UnreadableError } from "../unreadable.ts";

/** Data that do not unpack, or are others than the checksum among them says. */
export class CorruptDataError extends UnreadableError {
  constructor(message: string) {
    super("corrupt", message);
    this.name = "CorruptDataError";
  }
}
