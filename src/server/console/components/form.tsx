import type { Child } from "hono/jsx";

import type { DistError } from "../../../base/errors.ts";
import { shownName } from "../../pages/wording.ts";

/** What a form is filled with, and what was wrong with it when it was sent before. */
export interface FormState {
  readonly csrf: string;
  /** As they were sent; of a new form, what it proposes. */
  readonly values: { readonly [name: string]: string | undefined };
  readonly error?: DistError | undefined;
  /** The field that the error is about. */
  readonly wrong?: string | undefined;
}

interface FormProps {
  state: FormState;
  /** The page's own address when absent. */
  action?: string;
  layout?: "panel" | "inline";
  hasFiles?: boolean;
  children?: Child;
}

/** A form that changes something: it carries what proves that it is ours. */
export function Form({ state, action, layout = "panel", hasFiles = false, children }: FormProps) {
  return (
    <form
      method="post"
      action={action}
      class={layout}
      enctype={hasFiles ? "multipart/form-data" : undefined}
      data-upload={hasFiles ? "" : undefined}
    >
      <input type="hidden" name="csrf" value={state.csrf} />
      {state.error !== undefined && <Refusal error={state.error} />}
      {children}
    </form>
  );
}

/** Why something was refused: the sentence, what to do, the code. */
export function Refusal({ error }: { error: DistError }) {
  return (
    <div class="say bad" role="alert">
      <p class="strong">{shownName(error.message)}</p>
      {error.hint !== undefined && <p>{shownName(error.hint)}</p>}
      <p class="t2">
        Nothing was changed. <code>{error.code}</code>
      </p>
    </div>
  );
}

interface FieldProps {
  state: FormState;
  name: string;
  label: string;
  hint?: Child;
  required?: boolean;
}

/** What ties a control to its hint and to what is wrong with it. */
function described({ state, name, hint }: Pick<FieldProps, "state" | "name" | "hint">) {
  const isWrong = state.wrong === name && state.error !== undefined;
  const ids = [hint !== undefined && `${name}-hint`, isWrong && `${name}-wrong`].filter(Boolean).join(" ");
  return {
    "aria-describedby": ids === "" ? undefined : ids,
    "aria-invalid": isWrong ? "true" : undefined,
  } as const;
}

function About({ state, name, hint }: Pick<FieldProps, "state" | "name" | "hint">) {
  const isWrong = state.wrong === name && state.error !== undefined;
  return (
    <>
      {isWrong && (
        <p class="wrong" id={`${name}-wrong`}>
          {shownName(state.error.message)}
        </p>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
    </>
  );
}

/** A line of text. */
export function TextField(
  props: FieldProps & { type?: string; autocomplete?: string; placeholder?: string },
) {
  const { state, name, label, required = false, type = "text", autocomplete = "off", placeholder } = props;
  return (
    <div>
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        value={type === "password" ? "" : (state.values[name] ?? "")}
        required={required}
        autocomplete={autocomplete}
        placeholder={placeholder}
        {...described(props)}
      />
      <About {...props} />
    </div>
  );
}

/** Several lines of text. */
export function TextArea(props: FieldProps & { rows?: number }) {
  const { state, name, label, required = false, rows = 3 } = props;
  return (
    <div>
      <label for={name}>{label}</label>
      <textarea id={name} name={name} rows={rows} required={required} {...described(props)}>
        {state.values[name] ?? ""}
      </textarea>
      <About {...props} />
    </div>
  );
}

/** Files, one at least: chosen, or dropped on it. They are not shown again with the form. */
export function FilesField(props: Omit<FieldProps, "required">) {
  const { name, label } = props;
  return (
    <div class="drop">
      <label for={name}>{label}</label>
      <input id={name} name={name} type="file" multiple required {...described(props)} />
      <p class="hint script-only">or drop them here</p>
      <About {...props} />
    </div>
  );
}

/** Why, for the event: everybody who may read the log reads it. */
export function ReasonField({ state, required = true }: { state: FormState; required?: boolean }) {
  return (
    <TextArea
      state={state}
      name="reason"
      label="Reason"
      required={required}
      hint={
        <>
          Kept with the event. Everybody with <code>audit</code> can read it.
        </>
      }
    />
  );
}

export interface Option {
  readonly value: string;
  readonly label: Child;
}

/** One of several, from a list that opens. */
export function Select(props: FieldProps & { options: readonly Option[] }) {
  const { state, name, label, options } = props;
  return (
    <div>
      <label for={name}>{label}</label>
      <select id={name} name={name} {...described(props)}>
        {options.map((option) => (
          <option value={option.value} selected={option.value === (state.values[name] ?? "")}>
            {option.label}
          </option>
        ))}
      </select>
      <About {...props} />
    </div>
  );
}

/** One of a few, or some of them, all in sight. A value is chosen when the field's names it; several stand apart by spaces. */
export function Choices(props: FieldProps & { options: readonly Option[]; isMany?: boolean }) {
  const { state, name, label, options, isMany = false } = props;
  const chosen = (state.values[name] ?? "").split(" ");
  return (
    <fieldset {...described(props)}>
      <legend>{label}</legend>
      {options.map(({ value, label: words }) => (
        <label class="choice">
          <input
            type={isMany ? "checkbox" : "radio"}
            name={name}
            value={value}
            checked={chosen.includes(value)}
          />
          <span>{words}</span>
        </label>
      ))}
      <About {...props} />
    </fieldset>
  );
}

/** The button that acts; it says what it does. */
export function Submit({ children, kind = "go" }: { children?: Child; kind?: "go" | "kill" | "plain" }) {
  return (
    <button type="submit" class={kind === "plain" ? "btn" : `btn wide ${kind}`}>
      {children}
    </button>
  );
}
