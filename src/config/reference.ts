import { environmentVariables } from "./environment.ts";
import { flaggedKeys, secretKeys, settingFlagOf, settingKeys, settings, variableOf } from "./settings.ts";

/** `docs/reference/configuration.md`, made from the tables that the program itself reads. */
export function configurationReference(): string {
  const settingRows = settingKeys.map((key) => {
    const { about, default: value, type } = settings[key];
    const text = String(value);
    const shown = text === "" ? "none" : `\`${text}\``;
    return `| \`${key}\` | \`${variableOf(key)}\` | ${shown} | ${about} Must be ${type.expected}. |`;
  });
  const variableRows = Object.entries(environmentVariables).map(
    ([name, about]) => `| \`${name}\` | ${about} |`,
  );
  return `# Configuration

A store reads \`dist.toml\` in its directory, then \`DIST_*\` variables; the variable beats the file. A secret can also stand
in a file that a variable names (${secretKeys.map((key) => `\`${variableOf(key)}_FILE\``).join(", ")}). \`dist server run\` also reads the file
named by \`--config\`, which beats \`dist.toml\`, and takes ${flaggedKeys.map((key) => `\`${settingFlagOf(key)}\``).join(", ")}, which beat everything. Unknown keys and
variables and unreadable values are refused, all at once (\`config.invalid\`). An empty variable counts as absent. What holds a secret can also
be read from a file that a variable names: ${secretKeys.map((key) => `\`${variableOf(key)}_FILE\``).join(", ")}.

\`dist store migrate\` reads the settings of \`--from\` as every command does, and those of \`--to\` from its \`dist.toml\` and from variables
that begin with \`DIST_TO_\` instead of \`DIST_\` (\`DIST_TO_DATABASE_URL\`).

## Settings

| key in \`dist.toml\` | variable | default | meaning |
|---|---|---|---|
${settingRows.join("\n")}

## Variables of the command line

A flag beats its variable.

| variable | meaning |
|---|---|
${variableRows.join("\n")}
`;
}
