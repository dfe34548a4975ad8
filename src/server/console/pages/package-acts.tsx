import { requireScope } from "../../../registry/access.ts";
import { packagePath } from "../addresses.ts";
import { Terminal } from "../components/copy.tsx";
import { Form, type FormState, ReasonField, Submit, TextField } from "../components/form.tsx";
import { Head, LinkButton } from "../components/part.tsx";
import { newForm, readForm, refusedForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";
import { packageCrumbs } from "./package.tsx";
import { packageName } from "./packages.tsx";

const fields = {
  "retention.not_later": "until",
  "request.invalid_time": "until",
  "package.invalid_field": "case",
};

/** `GET`, `POST /admin/packages/{id}/hold`, `…/extend`, `…/holds/{hold}/release`. */
export const mountPackageActs: MountPages = (app, { show, act }) => {
  for (const form of acts) {
    const path = `/admin/packages/:id/${form.path}`;
    app.get(
      path,
      show((viewer, c) => actPage(viewer, c, form, newForm(viewer))),
    );
    app.post(
      path,
      act(async (viewer, c) => {
        const sent = await readForm(c);
        const id = c.req.param("id")!;
        try {
          await form.run(viewer, id, sent.text, c.req.param("hold") ?? "");
          return { to: packagePath(id) };
        } catch (error) {
          const state = refusedForm(viewer, sent, error, fields);
          return { again: await actPage(viewer, c, form, state), state };
        }
      }),
    );
  }
};

interface Act {
  readonly path: string;
  readonly title: string;
  readonly button: string;
  /** What it does, and what it does not. */
  readonly about: string;
  readonly command: (id: string, hold: string) => string;
  readonly extra?: (state: FormState) => ReturnType<typeof TextField>;
  run(viewer: Viewer, id: string, text: (name: string) => string, hold: string): Promise<unknown>;
}

const acts: readonly Act[] = [
  {
    path: "hold",
    title: "Hold",
    button: "Hold the package",
    about: "Nothing of it is deleted until every hold is released, whatever its class says.",
    command: (id) => `dist retention hold ${id} --reason TEXT`,
    extra: (state) => (
      <TextField
        state={state}
        name="case"
        label="Case"
        hint="What it belongs to, such as a matter's number."
      />
    ),
    run: ({ registry }, id, text) =>
      registry.holdPackage(id, { reason: text("reason"), case: text("case") || null }),
  },
  {
    path: "extend",
    title: "Extend",
    button: "Keep it for longer",
    about: "It is kept until then at least. A period is never shortened.",
    command: (id) => `dist retention extend ${id} --until DATE --reason TEXT`,
    extra: (state) => <TextField state={state} name="until" label="Until" type="date" required />,
    run: ({ registry }, id, text) =>
      registry.extendRetention(id, {
        new_expires_at: /^\d{4}-\d{2}-\d{2}$/.test(text("until"))
          ? `${text("until")}T00:00:00.000Z`
          : text("until"),
        reason: text("reason"),
      }),
  },
  {
    path: "holds/:hold/release",
    title: "Release hold",
    button: "Release the hold",
    about:
      "Other holds stay. When nothing keeps the package any more, the next sweep says that it may be deleted.",
    command: (id, hold) => `dist retention release ${id} ${hold} --reason TEXT`,
    run: ({ registry }, id, text, hold) => registry.releaseHold(id, hold, { reason: text("reason") }),
  },
];

async function actPage(viewer: Viewer, c: ConsoleContext, form: Act, state: FormState): Promise<Page> {
  const one = await viewer.registry.getPackage(c.req.param("id")!);
  requireScope(viewer.principal, "retention", { app: viewer.principal.app });
  const content = (
    <>
      <Head
        title={
          <>
            {form.title}: <bdi>{packageName(one)}</bdi>
          </>
        }
        meta="Nothing has changed yet."
      />
      <div class="part narrow">
        <Form state={state}>
          <p>{form.about}</p>
          {form.extra?.(state)}
          <ReasonField state={state} />
          <Submit>{form.button}</Submit>
          <LinkButton href={packagePath(one.id)}>Leave it as it is</LinkButton>
          <Terminal text={`${form.command(one.id, c.req.param("hold") ?? "")} --server ${viewer.baseUrl}`} />
        </Form>
      </div>
    </>
  );
  return { title: form.title, section: "packages", crumbs: packageCrumbs(one), content };
}
