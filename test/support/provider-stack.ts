/** The real product beside an identity provider, and what a browser does between them. */
import type { ControlPlaneOptions } from '#control-plane';
import type { ProviderOptions } from '../../control-plane/oidc/provider-options.ts';
import { readProviderOptions } from '../../control-plane/oidc/provider-options.ts';
import { SETTINGS, type Settings } from '../../control-plane/settings.ts';
import { type RealStack, startRealStack } from '../integration/web-server/real-stack.ts';
import type { Answer } from '../integration/web-server/web-fixture.ts';
import { withClient } from './database-server.ts';
import { type IdentityProvider, type RealmPerson, startIdentityProvider } from './identity-provider.ts';
import { freePort } from './installation.ts';

export interface ProviderStack extends RealStack {
  readonly idp: IdentityProvider;
  readonly options: ProviderOptions;
  readonly consoleOrigin: string;
  /** The click on the button. */
  begin(returnTo?: string): Promise<Begun>;
  /** The way back. */
  finish(callbackUrl: string, cookie: string): Promise<Answer>;
  /** Every session of the provider counts as used at that time. */
  markUsed(at: Date): Promise<void>;
  /** All of it. @throws Error where it does not end with a session */
  signIn(username: string): Promise<ProviderBrowser>;
}

export interface Begun {
  /** At the provider. */
  readonly url: string;
  /** The browser's cookie of the sign-in. */
  readonly cookie: string;
}
export interface ProviderBrowser {
  readonly cookie: string;
  readonly landedAt: string;
  readonly me: Readonly<Record<string, unknown>>;
  readonly csrfToken: string;
}

export interface ProviderStackOptions {
  readonly people: readonly RealmPerson[];
  readonly settings?: Partial<Settings>;
  readonly backChannel?: boolean;
  readonly consoleDir?: string;
  readonly controlPlane?: Partial<ControlPlaneOptions>;
}

/** Needs the server of test/support/database-server.ts. */
export async function startProviderStack(options: ProviderStackOptions): Promise<ProviderStack> {
  const [httpPort, idpPort] = [await freePort(), await freePort()];
  const consoleOrigin = `http://127.0.0.1:${httpPort}`;
  const idp = await startIdentityProvider({
    port: idpPort,
    people: options.people,
    consoleOrigin,
    ...(options.backChannel === undefined ? {} : { backChannel: options.backChannel }),
  });
  const provider = providerOptions(idp, { ...options.settings, oidcConsoleUrl: consoleOrigin });
  const stack = await startRealStack({
    controlPlane: {
      identityProvider: provider,
      ...options.controlPlane,
    },
    web: {
      http: { host: '127.0.0.1', port: httpPort },
      ...(options.consoleDir === undefined ? {} : { consoleDir: options.consoleDir }),
    },
  });
  const { call } = stack.web;

  async function begin(returnTo?: string): Promise<Begun> {
    const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
    const answer = await call(`${consoleOrigin}/api/v1/auth/oidc/login${query}`);
    const { location } = answer.headers;
    if (location === undefined) throw new Error(`no way to the provider: ${answer.status} ${answer.text}`);
    return { url: location, cookie: cookieOf(answer, 'edge_oidc') ?? '' };
  }

  const finish = (callbackUrl: string, cookie: string): Promise<Answer> =>
    call(callbackUrl, { headers: { cookie } });

  return {
    ...stack,
    idp,
    options: provider,
    consoleOrigin,
    begin,
    finish,
    async markUsed(at) {
      await withClient(stack.databaseUrl, (client) =>
        client.query('UPDATE sessions SET last_used_at = $1', [at]),
      );
    },
    async signIn(username) {
      const begun = await begin();
      const answer = await finish(await idp.signIn(begun.url, username), begun.cookie);
      const cookie = cookieOf(answer, 'edge_session');
      if (cookie === undefined) throw new Error(`no session: ${answer.status} ${answer.text}`);
      const me = recordOf((await call(`${consoleOrigin}/api/v1/auth/me`, { headers: { cookie } })).json());
      return { cookie, landedAt: answer.headers.location ?? '', me, csrfToken: String(me.csrf_token) };
    },
    async stop() {
      await stack.stop();
      await idp.stop();
    },
  };
}

export function providerOptions(idp: IdentityProvider, settings: Partial<Settings>): ProviderOptions {
  const defaults = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, setting]) => [name, setting.default]),
  ) as unknown as Settings;
  const all = {
    ...defaults,
    oidcIssuer: idp.issuer,
    oidcClientId: idp.clientId,
    oidcClientSecret: idp.clientSecret,
    ...settings,
  };
  const options = readProviderOptions(all, 'https://edge.example:8443');
  if (options === null) throw new Error('no provider');
  return options;
}

/** `name=value` of a cookie that the answer sets; undefined where it sets none, or takes it back. */
export function cookieOf(answer: Answer, name: string): string | undefined {
  const line = answer.headers['set-cookie']?.find((one) => one.startsWith(`${name}=`));
  const pair = line?.split(';')[0];
  return pair === undefined || pair === `${name}=` ? undefined : pair;
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
