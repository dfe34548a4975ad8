import { Icon } from "./icon.tsx";

/** Copies a text; there with a script only, the text itself can always be selected. */
export function Copy({ text, what }: { text: string; what: string }) {
  return (
    <button type="button" class="copy script-only" data-copy={text} aria-label={`Copy ${what}`}>
      <Icon name="copy" />
    </button>
  );
}

/** A digest: its first twelve digits, the whole of it in the title and to copy. */
export function Digest({ value, what = "the digest" }: { value: string; what?: string }) {
  return (
    <span class="nw">
      <code title={value}>{value.slice(0, 12)}</code>
      <Copy text={value} what={what} />
    </span>
  );
}

/** An id: its last seven characters, as the first ones tell the time and siblings share them. */
export function ShortId({ id }: { id: string }) {
  return (
    <span class="nw">
      <code title={id}>…{id.slice(-7)}</code>
      <Copy text={id} what="the id" />
    </span>
  );
}

/** A command to run. */
export function Command({ text }: { text: string }) {
  return (
    <p class="command">
      <code class="cmd">{text}</code>
      <Copy text={text} what="the command" />
    </p>
  );
}

/** The command that does the same as a page's button. */
export function Terminal({ text }: { text: string }) {
  return (
    <details>
      <summary>The same from a terminal</summary>
      <Command text={text} />
    </details>
  );
}
