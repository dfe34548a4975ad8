import { type Scope, scopes, type TokenRecord } from "../../../registry/records/tokens.ts";
import { shownName } from "../../pages/wording.ts";
import { Copy, ShortId, Terminal } from "../components/copy.tsx";
import { Choices, Form, type FormState, Submit, TextField } from "../components/form.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { Status, TokenStatus } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { newForm, readForm, refusedForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";

const TOKENS_PER_PAGE = 50;
const SOON_MS = 14 * 86_400_000;

const fields = {
  "token.invalid_name": "name",
  "transaction.integrity": "name",
  "token.invalid_scope": "scopes",
  "token.exceeds_own": "scopes",
  "duration.invalid": "expires_in",
  "app.invalid_slug": "app",
  "channel.invalid_name": "channel",
};

const scopeWords: Readonly<Record<Scope, string>> = {
  read: "sees private apps, history and who signed",
  publish: "publishes releases; a channel of policy auto moves",
  promote: "moves channels, revokes releases, makes share links",
  "package.write": "makes packages and adds their files",
  "package.read": "sees packages and their retention",
  retention: "extends, holds and releases packages",
  token: "makes and revokes tokens that may no more than itself",
  audit: "reads the log",
  admin: "everything",
};

/** `GET /admin/tokens`, `GET`, `POST …/new`, `GET`, `POST …/{id}/revoke`. */
export const mountTokens: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/tokens",
    show((viewer, c) => tokensPage(viewer, c.req.query("after"))),
  );
  app.get(
    "/admin/tokens/new",
    show(async (viewer) => newTokenPage(viewer, newForm(viewer, { expires_in: "90d" }))),
  );
  app.post(
    "/admin/tokens/new",
    act(async (viewer, c) => {
      const form = await readForm(c);
      try {
        const made = await viewer.registry.createToken({
          name: form.text("name"),
          scopes: form.all("scopes"),
          app: form.optional("app"),
          channel: form.optional("channel"),
          expires_in: form.optional("expires_in"),
        });
        // The only answer that has the secret: it is no address to come back to.
        return { again: madePage(made), state: newForm(viewer) };
      } catch (error) {
        const state = refusedForm(viewer, form, error, fields);
        return { again: newTokenPage(viewer, state), state };
      }
    }),
  );
  app.get(
    "/admin/tokens/:id/revoke",
    show(async (viewer, c) =>
      revokePage(viewer, await findToken(viewer, c.req.param("id")!), newForm(viewer)),
    ),
  );
  app.post(
    "/admin/tokens/:id/revoke",
    act(async (viewer, c) => {
      const form = await readForm(c);
      const id = c.req.param("id")!;
      try {
        await viewer.registry.revokeToken(id);
        return { to: `/admin/tokens#${id}` };
      } catch (error) {
        const state = refusedForm(viewer, form, error);
        return { again: revokePage(viewer, await findToken(viewer, id), state), state };
      }
    }),
  );
};

const crumbs = [{ label: "Tokens", href: "/admin/tokens" }];

async function tokensPage(viewer: Viewer, after: string | undefined): Promise<Page> {
  const { registry, nowMs } = viewer;
  const page = await registry.listTokens({ limit: TOKENS_PER_PAGE, ...(after !== undefined && { after }) });
  const content = (
    <>
      <Head
        title="Tokens"
        meta="Each is shown once, when it is made; the store keeps its digest."
        actions={
          <LinkButton href="/admin/tokens/new" isMain>
            New token…
          </LinkButton>
        }
      />
      <div class="part">
        {page.items.length === 0 ? (
          <Empty command={`dist token create --name ci --scope publish --server ${viewer.baseUrl}`}>
            There is no token that you may see.
          </Empty>
        ) : (
          <Table
            id="tokens-list"
            count={page.items.length}
            caption="Tokens, latest first"
            columns={[
              { label: "Name" },
              { label: "State" },
              { label: "May" },
              { label: "Where" },
              { label: "Last used" },
              { label: "Expires" },
              { label: "Made by" },
              { label: "" },
            ]}
          >
            {page.items.map((token) => (
              <TokenRow token={token} nowMs={nowMs} />
            ))}
          </Table>
        )}
        <Pager href="/admin/tokens" next={page.next} isFirst={after === undefined} />
      </div>
    </>
  );
  return { title: "Tokens", section: "tokens", content };
}

function TokenRow({ token, nowMs }: { token: TokenRecord; nowMs: number }) {
  const { expires_at: expires, status } = token;
  const isSoon = status === "active" && expires !== null && Date.parse(expires) - nowMs < SOON_MS;
  return (
    <Row copy={token.id} isDim={status !== "active"}>
      <NameCell>
        <span class="strong" id={token.id}>
          <bdi>{shownName(token.name)}</bdi>
        </span>
        <span class="sub">
          <ShortId id={token.id} />
        </span>
      </NameCell>
      <Cell>
        {isSoon ? (
          <Status icon="soon" tone="warn">
            ends soon
          </Status>
        ) : (
          <TokenStatus status={status} />
        )}
      </Cell>
      <Cell>{token.scopes.join(", ")}</Cell>
      <Cell>{placeWords(token)}</Cell>
      <Cell label="last used">
        {token.last_used_at === null ? (
          <span class="t3">never</span>
        ) : (
          <Time at={token.last_used_at} nowMs={nowMs} />
        )}
      </Cell>
      <Cell label="expires">
        {expires === null ? <span class="t3">never</span> : <Time at={expires} nowMs={nowMs} />}
      </Cell>
      <Cell label="by">{shownName(token.created_by)}</Cell>
      <Cell>
        {status === "active" && (
          <LinkButton href={`/admin/tokens/${token.id}/revoke`} isSmall>
            Revoke…
          </LinkButton>
        )}
      </Cell>
    </Row>
  );
}

function placeWords({ app, channel }: Pick<TokenRecord, "app" | "channel">): string {
  if (app === null && channel === null) return "everywhere";
  return [app ?? "every app", channel ?? "every channel"].join(", ");
}

function newTokenPage(viewer: Viewer, state: FormState): Page {
  const content = (
    <>
      <Head title="New token" meta="It may do no more than you." />
      <div class="part narrow">
        <Form state={state}>
          <TextField
            state={state}
            name="name"
            label="Name"
            required
            hint="Whom or what it is for. It stands in the log."
          />
          <Choices
            state={state}
            name="scopes"
            label="May"
            isMany
            options={scopes.map((value) => ({
              value,
              label: (
                <>
                  {value} <span class="t3">{scopeWords[value]}</span>
                </>
              ),
            }))}
          />
          <TextField state={state} name="app" label="Only for the app" hint="Empty: every app." />
          <TextField state={state} name="channel" label="Only for the channel" hint="Empty: every channel." />
          <TextField
            state={state}
            name="expires_in"
            label="Ends after"
            hint="Such as 30d or 1y. Empty: never."
          />
          <Submit>Make the token</Submit>
          <Terminal text={`dist token create --name ci --scope publish --server ${viewer.baseUrl}`} />
        </Form>
      </div>
    </>
  );
  return { title: "New token", section: "tokens", crumbs, content };
}

function madePage(token: TokenRecord & { secret: string }): Page {
  const content = (
    <>
      <Head
        title={
          <>
            Token <bdi>{shownName(token.name)}</bdi> is made
          </>
        }
        meta={`It may ${token.scopes.join(", ")}, ${placeWords(token)}.`}
      />
      <Part title="Its secret" note="shown this once: it is kept nowhere">
        <p>
          <code class="cmd">{token.secret}</code>
          <Copy text={token.secret} what="the secret" />
        </p>
        <p class="part">
          <a href="/admin/tokens">All tokens</a>
        </p>
      </Part>
    </>
  );
  return { title: "Token made", section: "tokens", crumbs, content };
}

/** The list goes by time: an id is looked for in it, page by page. */
const MAX_PAGES = 20;

async function findToken({ registry }: Viewer, id: string): Promise<TokenRecord | undefined> {
  let after: string | undefined;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const page = await registry.listTokens({ limit: 1000, ...(after !== undefined && { after }) });
    const found = page.items.find((token) => token.id === id);
    if (found !== undefined || page.next === null) return found;
    after = page.next;
  }
  return undefined;
}

function revokePage({ nowMs, baseUrl }: Viewer, token: TokenRecord | undefined, state: FormState): Page {
  const title = "Revoke token";
  const content =
    token === undefined ? (
      <>
        <Head title={title} />
        <Empty>There is no such token that you may see.</Empty>
      </>
    ) : (
      <>
        <Head
          title={
            <>
              Revoke <bdi>{shownName(token.name)}</bdi>
            </>
          }
          meta={
            <>
              <span>
                may {token.scopes.join(", ")}, {placeWords(token)}
              </span>
              <span>
                last used{" "}
                {token.last_used_at === null ? (
                  "never"
                ) : (
                  <Time at={token.last_used_at} nowMs={nowMs} isInSentence />
                )}
              </span>
            </>
          }
        />
        <div class="part narrow">
          <Form state={state}>
            <p>
              Whoever has it is refused from the next request on, its sessions and event streams end. It
              cannot be taken back; another token can be made.
            </p>
            <Submit kind="kill">Revoke it</Submit>
            <LinkButton href="/admin/tokens">Leave it</LinkButton>
            <Terminal text={`dist token revoke ${token.id} --server ${baseUrl}`} />
          </Form>
        </div>
      </>
    );
  return { title, section: "tokens", crumbs, content };
}
