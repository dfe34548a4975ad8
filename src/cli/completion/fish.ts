import type { CompletionNode } from "./tree.ts";

/** A completion script for fish 3, for the program under this name. */
export function fishCompletion(name: string, nodes: readonly CompletionNode[]): string {
  return `# fish completion for ${name}
function __${name}_path
  set -l at ""
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    contains -- "$next" $__${name}_paths; and set at "$next"
  end
  echo "$at"
end
function __${name}_at
  test (__${name}_path) = "$argv[1]"
end
set -g __${name}_paths ${nodes
    .filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path))
    .join(" ")}
complete -c ${name} -e
${nodes.flatMap((node) => nodeLines(name, node)).join("\n")}
`;
}

function nodeLines(name: string, { path, words, options }: CompletionNode): string[] {
  const condition = `complete -c ${name} -n ${quoted(`__${name}_at ${quoted(path)}`)}`;
  return [
    ...words.map(({ word, about }) => `${condition} -f -a ${quoted(word)} -d ${quoted(about)}`),
    ...options.map(({ flag, about, takesValue, choices, isPath }) => {
      const long = `${condition} -l ${flag.slice(2)} -d ${quoted(about)}`;
      if (!takesValue) return long;
      if (choices.length > 0) return `${long} -x -a ${quoted(choices.join(" "))}`;
      return isPath ? `${long} -r -F` : `${long} -x`;
    }),
  ];
}

/** Text between single quotes, as fish reads it: backslash and quote are escaped. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
