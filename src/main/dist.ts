#!/usr/bin/env node
import process from "node:process";

import { runProcess } from "../cli/process.ts";

await runProcess(process.env);
