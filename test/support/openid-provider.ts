import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** Who signs in at the provider, and what it says of them. */
export interface ProviderUser {
  readonly sub: string;
  /** In the ID token. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** In the user info only. */
  readonly info?: Readonly<Record<string, unknown>>;
}

/** What the provider does wrong. */
export type Misbehaviour = "nonce" | "audience" | "signature" | "expired" | "issuer";

/** A small OpenID provider on the loopback address: it signs whoever is `user` in at once. */
export class OpenIdProvider {
  readonly clientId = "dist";
  readonly clientSecret = "a secret of the client";
  user: ProviderUser = { sub: "1" };
  wrong: Misbehaviour | null = null;
  readonly #codes = new Map<string, URLSearchParams>();
  readonly #key: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #server = createServer((request, response) => {
    void this.#answer(request).then(({ status = 200, location, json }) => {
      response.writeHead(status, {
        "Content-Type": "application/json",
        ...(location && { Location: location }),
      });
      response.end(json === undefined ? "" : JSON.stringify(json));
    });
  });

  private constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.#key = privateKey;
    this.#publicKey = publicKey;
  }

  static async start(): Promise<OpenIdProvider> {
    const provider = new OpenIdProvider();
    await new Promise<void>((resolve) => provider.#server.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<{ status?: number; location?: string; json?: unknown }> {
    const url = new URL(request.url!, this.issuer);
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return { json: this.#metadata() };
      case "/jwks":
        return {
          json: {
            keys: [{ ...this.#publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" }],
          },
        };
      case "/authorize": {
        const code = randomUUID();
        this.#codes.set(code, url.searchParams);
        const back = new URL(url.searchParams.get("redirect_uri")!);
        back.search = new URLSearchParams({
          code,
          state: url.searchParams.get("state")!,
          iss: this.issuer,
        }).toString();
        return { status: 302, location: back.href };
      }
      case "/token":
        return this.#token(new URLSearchParams(await text(request)));
      case "/userinfo":
        return { json: { sub: this.user.sub, ...this.user.info } };
      default:
        return { status: 404 };
    }
  }

  #metadata() {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      jwks_uri: `${this.issuer}/jwks`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  /** A code is good once, for whoever knows the client's secret and what the challenge was made of. */
  #token(form: URLSearchParams) {
    const asked = this.#codes.get(form.get("code") ?? "");
    this.#codes.delete(form.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    const isOurs = form.get("client_id") === this.clientId && form.get("client_secret") === this.clientSecret;
    if (asked === undefined || !isOurs || asked.get("code_challenge") !== challenge) {
      return { status: 400, json: { error: "invalid_grant" } };
    }
    return {
      json: { access_token: "at", token_type: "Bearer", id_token: this.#idToken(asked.get("nonce")!) },
    };
  }

  #idToken(nonce: string): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.wrong === "issuer" ? "https://elsewhere.example" : this.issuer,
      aud: this.wrong === "audience" ? "other" : this.clientId,
      sub: this.user.sub,
      nonce: this.wrong === "nonce" ? "other" : nonce,
      iat: now - 180,
      exp: this.wrong === "expired" ? now - 120 : now + 60,
      ...this.user.claims,
    };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ alg: "RS256", kid: "1" })}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), this.#key);
    if (this.wrong === "signature") signature[0]! ^= 1;
    return `${signed}.${signature.toString("base64url")}`;
  }
}
