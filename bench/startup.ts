/** `dist --help` as a process, against a Node that does nothing. */
import { printPair, program, timeCommand } from "./measure.ts";

const PAIRS = 41;

const ours: number[] = [];
const peer: number[] = [];
for (let pair = 0; pair < PAIRS; pair += 1) {
  ours.push(timeCommand(process.execPath, [program, "--help"]));
  peer.push(timeCommand(process.execPath, ["-e", "0"]));
}
printPair("dist --help", ours, peer, "node -e 0");
