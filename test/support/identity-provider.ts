/**
 * An identity provider for tests: the certified OpenID Provider `oidc-provider`, at Keycloak's addresses and with
 * Keycloak's claims. It is not Keycloak itself.
 */
import { generateKeyPairSync, type KeyObject, randomUUID, sign as signBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { exportJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider';

export const REALM_PATH = '/realms/fleet';
const CLIENT = 'ops-center-edge';
const SCOPE = 'openid profile email';
const ACCESS_TOKEN_SECONDS = 300;
const SESSION_SECONDS = 86_400;

/** As an administrator of the realm would set a person up. */
export interface RealmPerson {
  readonly subject: string;
  readonly username: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly name?: string;
  readonly realmRoles?: readonly string[];
  readonly clientRoles?: readonly string[];
  /** Both forms that Keycloak has. */
  readonly organization?: readonly string[] | Readonly<Record<string, { readonly id: string }>>;
  readonly groups?: readonly string[];
}

/** The part of its client that its types leave out. */
interface BackChannelClient {
  backchannelLogout(subject: string, sid: string): Promise<void>;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By user name; may be changed while it runs. */
  readonly people: Map<string, RealmPerson>;
  /** Requests by path, for counting. */
  readonly requests: string[];
  /** What a browser does at the provider's pages: opens `url`, signs in. @returns where it is sent then */
  signIn(url: string, username: string): Promise<string>;
  /** Tokens by the provider's own key; `header` and `claims` overwrite what is usual. */
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  /** Signs header and claims as given, text by text. */
  signRaw(header: string, claims: string): string;
  accessToken(username: string, claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  logoutToken(claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  /** The public keys of now. */
  publicKeys(): readonly JWK[];
  /** A new key signs from now on; the old one is gone. */
  rotateKeys(): Promise<void>;
  /** Sessions of a person, oldest first, as tokens name them (`sid`). */
  sessionsOf(subject: string): readonly string[];
  /** Ends one of a person's sessions as an administrator does; `notify`: by a logout token over the back channel. */
  endSession(subject: string, sid: string, notify: boolean): Promise<void>;
  /** Closes the door, and opens it again at the same address. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

export async function startIdentityProvider(options: {
  readonly port: number;
  readonly people: readonly RealmPerson[];
  /** Origin of the console. */
  readonly consoleOrigin: string;
  /** Where to send logout tokens. */
  readonly backChannel?: boolean;
}): Promise<IdentityProvider> {
  const { port, consoleOrigin } = options;
  const issuer = `http://127.0.0.1:${port}${REALM_PATH}`;
  const clientSecret = randomUUID();
  const people = new Map(options.people.map((person) => [person.username, person]));
  const requests: string[] = [];
  const bySubject = (subject: string): RealmPerson | undefined =>
    [...people.values()].find((person) => person.subject === subject);
  /** Subject → sid → uid of the session. */
  const sessions = new Map<string, Map<string, string>>();
  let key = await makeKey();
  let provider = makeProvider();
  let server: Server;

  function makeProvider(): Provider {
    const made = new Provider(issuer, {
      ...configurationOf({ consoleOrigin, clientSecret, backChannel: options.backChannel ?? true }),
      jwks: { keys: [key.jwk as never] },
      findAccount: async (_ctx, subject) => {
        const person = bySubject(subject);
        return person === undefined
          ? undefined
          : { accountId: subject, claims: async () => ({ sub: subject, ...idClaimsOf(person) }) };
      },
      extraTokenClaims: async (_ctx, token) => {
        const subject = 'accountId' in token ? token.accountId : undefined;
        const person = subject === undefined ? undefined : bySubject(subject);
        return person === undefined ? { typ: 'Bearer' } : accessClaimsOf(person);
      },
    });
    made.on('server_error', (_ctx, error) => console.error('identity provider:', error));
    made.on('authorization.success', (ctx: KoaContextWithOIDC) => {
      const { session } = ctx.oidc;
      if (session?.accountId === undefined) return;
      const sid = session.sidFor(CLIENT);
      const known = sessions.get(session.accountId) ?? new Map<string, string>();
      if (sid !== undefined) sessions.set(session.accountId, known.set(sid, session.uid));
    });
    return made;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    if (!url.startsWith(`${REALM_PATH}/`)) return void response.writeHead(404).end();
    const path = url.slice(REALM_PATH.length);
    requests.push(path.split('?')[0] ?? '');
    const [, uid] = /^\/login\/([\w-]+)$/.exec(path) ?? [];
    if (uid !== undefined && request.method === 'GET') return showLogin(response);
    if (uid !== undefined) return takeLogin(request, response);
    Object.assign(request, { originalUrl: url, url: path });
    await provider.callback()(request, response);
  }

  async function takeLogin(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const person = people.get(new URLSearchParams(body).get('username') ?? '');
    if (person === undefined) return showLogin(response);
    const login = { accountId: person.subject };
    await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  }

  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server = createServer((request, response) => {
        answer(request, response).catch((error: unknown) => {
          console.error('identity provider:', error);
          response.destroy();
        });
      });
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen();

  const nowSeconds = () => Math.floor(Date.now() / 1000);
  const sign = (claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid, typ: 'JWT', ...header })
      .sign(key.privateKey);

  return {
    issuer,
    clientId: CLIENT,
    clientSecret,
    people,
    requests,
    sign,
    signRaw(header, claims) {
      const input = [header, claims].map((part) => Buffer.from(part).toString('base64url')).join('.');
      return `${input}.${signBytes('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`;
    },
    signIn: (url, username) => signInAt(url, username, consoleOrigin),
    accessToken(username, claims = {}, header = {}) {
      const person = people.get(username);
      if (person === undefined) throw new Error(`no ${username} in the realm`);
      const iat = nowSeconds();
      const usual = { iss: issuer, aud: CLIENT, azp: CLIENT, iat, exp: iat + ACCESS_TOKEN_SECONDS };
      return sign(
        { ...usual, jti: randomUUID(), sub: person.subject, ...accessClaimsOf(person), ...claims },
        header,
      );
    },
    logoutToken(claims = {}, header = {}) {
      const iat = nowSeconds();
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
      const usual = { iss: issuer, aud: CLIENT, iat, exp: iat + 120, jti: randomUUID(), events };
      return sign({ ...usual, ...claims }, { typ: 'logout+jwt', ...header });
    },
    publicKeys: () => [key.publicJwk],
    async rotateKeys() {
      key = await makeKey();
      provider = makeProvider();
    },
    sessionsOf: (subject) => [...(sessions.get(subject)?.keys() ?? [])],
    async endSession(subject, sid, notify) {
      const id = sessions.get(subject)?.get(sid);
      const session = id === undefined ? undefined : await provider.Session.findByUid(id);
      const grantId = session?.grantIdFor(CLIENT);
      await session?.destroy();
      if (grantId !== undefined) await provider.RefreshToken.revokeByGrantId(grantId);
      sessions.get(subject)?.delete(sid);
      if (!notify) return;
      const client: unknown = await provider.Client.find(CLIENT);
      await (client as BackChannelClient).backchannelLogout(subject, sid);
    },
    down: close,
    up: listen,
    stop: close,
  };
}

async function makeKey(): Promise<{ privateKey: KeyObject; jwk: JWK & { kid: string }; publicJwk: JWK }> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  const facts = { kid, alg: 'RS256', use: 'sig' };
  return {
    privateKey,
    jwk: { ...(await exportJWK(privateKey)), ...facts },
    publicJwk: { ...(await exportJWK(publicKey)), ...facts },
  };
}

/** In Keycloak's ID token; roles are not, unless a mapper puts them there. */
const idClaimsOf = (person: RealmPerson) => ({
  preferred_username: person.username,
  ...(person.name === undefined ? {} : { name: person.name }),
  ...(person.email === undefined ? {} : { email: person.email }),
  email_verified: person.emailVerified ?? false,
  ...(person.organization === undefined ? {} : { organization: person.organization }),
  ...(person.groups === undefined ? {} : { groups: person.groups }),
});

const accessClaimsOf = (person: RealmPerson) => ({
  typ: 'Bearer',
  ...idClaimsOf(person),
  realm_access: { roles: ['offline_access', ...(person.realmRoles ?? [])] },
  resource_access: { [CLIENT]: { roles: [...(person.clientRoles ?? [])] } },
});

function configurationOf(input: {
  consoleOrigin: string;
  clientSecret: string;
  backChannel: boolean;
}): Configuration {
  const base = '/protocol/openid-connect';
  const { consoleOrigin } = input;
  return {
    clients: [
      {
        client_id: CLIENT,
        client_secret: input.clientSecret,
        redirect_uris: [`${consoleOrigin}/api/v1/auth/oidc/callback`],
        post_logout_redirect_uris: [`${consoleOrigin}/login`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        ...(input.backChannel
          ? {
              backchannel_logout_uri: `${consoleOrigin}/api/v1/auth/oidc/backchannel-logout`,
              backchannel_logout_session_required: true,
            }
          : {}),
      },
    ],
    routes: {
      authorization: `${base}/auth`,
      token: `${base}/token`,
      jwks: `${base}/certs`,
      userinfo: `${base}/userinfo`,
      end_session: `${base}/logout`,
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: input.backChannel },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => {
          ctx.body = `<!doctype html><html lang="en"><title>Sign out</title>${form}
            <button form="op.logoutForm" name="logout" value="yes">Sign out of the realm</button></html>`;
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `urn:${CLIENT}`,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPE,
          audience: CLIENT,
          accessTokenTTL: ACCESS_TOKEN_SECONDS,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    // Its own would not call loopback addresses, where the tests live.
    fetch: (url, { method, headers, body } = {}) => fetch(url, { method, headers, body } as RequestInit),
    scopes: ['openid', 'profile', 'email'],
    claims: {
      openid: ['sub', 'sid'],
      profile: ['name', 'preferred_username', 'organization', 'groups'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    cookies: { keys: [randomUUID()] },
    interactions: { url: (_ctx, interaction) => `${REALM_PATH}/login/${interaction.uid}` },
    ttl: {
      Session: SESSION_SECONDS,
      Grant: SESSION_SECONDS,
      RefreshToken: SESSION_SECONDS,
      IdToken: 3600,
      Interaction: 3600,
      AccessToken: ACCESS_TOKEN_SECONDS,
    },
    loadExistingGrant: async (ctx) => {
      const { client, session, provider } = ctx.oidc;
      const known = session?.grantIdFor(client?.clientId ?? '');
      if (known !== undefined) return provider.Grant.find(known);
      const grant = new provider.Grant({
        ...(client === undefined ? {} : { clientId: client.clientId }),
        ...(session?.accountId === undefined ? {} : { accountId: session.accountId }),
      });
      grant.addOIDCScope(SCOPE);
      grant.addResourceScope(`urn:${CLIENT}`, SCOPE);
      await grant.save();
      return grant;
    },
  };
}

function showLogin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><html lang="en"><title>Realm</title><form method="post">
    <label>User name <input name="username" autofocus></label><button>Sign in to the realm</button></form></html>`);
}

/** A browser in a few lines: follows redirects within the provider, keeps its cookies, fills the form in. */
async function signInAt(url: string, username: string, consoleOrigin: string): Promise<string> {
  const cookies = new Map<string, string>();
  let address = url;
  let body: URLSearchParams | undefined;
  for (let step = 0; step < 12; step += 1) {
    const response = await fetch(address, {
      redirect: 'manual',
      method: body === undefined ? 'GET' : 'POST',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body === undefined ? {} : { body }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    const location = response.headers.get('location');
    const text = await response.text();
    if (location !== null) {
      address = new URL(location, address).href;
      body = undefined;
      if (address.startsWith(consoleOrigin)) return address;
    } else if (text.includes('name="username"') && body === undefined) {
      body = new URLSearchParams({ username });
    } else {
      throw new Error(`the provider shows ${response.status}: ${text.slice(0, 300)}`);
    }
  }
  throw new Error('the provider redirects without end');
}
