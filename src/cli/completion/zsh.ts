import { type CompletionNode, singleQuoted } from "./tree.ts";

/** A completion script for zsh, for a file `_dist` (as the program is named) in `fpath` or for `source`. */
export function zshCompletion(name: string, nodes: readonly CompletionNode[]): string {
  return `#compdef ${name}
# zsh completion for ${name}
_${name}() {
  local cur prev at word i
  local -a known
  cur="\${words[CURRENT]}"
  prev="\${words[CURRENT-1]}"
  at=""
  for ((i = 2; i < CURRENT; i++)); do
    word="\${at:+$at }\${words[i]}"
    case "$word" in
      ${nodes
        .filter(({ path }) => path !== "")
        .map(({ path }) => singleQuoted(path))
        .join("|")}) at="$word" ;;
    esac
  done
  case "$at:$prev" in
${nodes.flatMap(valueCases).join("\n")}
  esac
  case "$at" in
${nodes.map(wordCase).join("\n")}
  esac
  _describe '${name}' known || _files
}
if [[ "\${funcstack[1]}" = _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function valueCases({ path, options }: CompletionNode): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ flag, choices, isPath }) => {
      const place = singleQuoted(`${path}:${flag}`);
      if (choices.length > 0)
        return `    ${place}) compadd -- ${choices.map(singleQuoted).join(" ")}; return ;;`;
      return isPath ? `    ${place}) _files; return ;;` : `    ${place}) return ;;`;
    });
}

function wordCase({ path, words, options }: CompletionNode): string {
  const known = [
    ...words.map(({ word, about }) => described(word, about)),
    ...options.map(({ flag, about }) => described(flag, about)),
  ];
  return `    ${singleQuoted(path)}) known=(${known.join(" ")}) ;;`;
}

/** `_describe` parts a word from its description at the first colon. */
function described(word: string, about: string): string {
  return singleQuoted(`${word.replaceAll(":", "\\:")}:${about}`);
}
