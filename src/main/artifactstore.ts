#!/usr/bin/env node
// The same program, under the name that evidence producers use.
import { runProgram } from "./run-program.ts";

await runProgram("artifactstore");
