/** Attacks on a sign-in by the identity provider: on its answer, on the browser, and by a provider that is not it. */
import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openProvider } from '../../control-plane/oidc/provider.ts';
import { createSignInFlow } from '../../control-plane/oidc/sign-in-flow.ts';
import { withClient } from './database-server.ts';
import { type Begun, cookieOf, type ProviderStack } from './provider-stack.ts';

export interface Attack {
  readonly name: string;
  readonly refused: boolean;
}

/** Every one should be refused: no session cookie, and an answer of 400, 401 or 403. */
export async function attackSignIn(stack: ProviderStack): Promise<readonly Attack[]> {
  const results: Attack[] = [];
  const back = async (begun: Begun) => new URL(await stack.idp.signIn(begun.url, 'ada'));
  const judge = async (name: string, url: URL, cookie: string): Promise<void> => {
    const answer = await stack.finish(url.href, cookie);
    const isRefusal = [400, 401, 403].includes(answer.status);
    results.push({ name, refused: isRefusal && cookieOf(answer, 'edge_session') === undefined });
  };
  const changed = async (
    name: string,
    change: (url: URL, begun: Begun) => string | undefined,
  ): Promise<void> => {
    const begun = await stack.begin();
    const url = await back(begun);
    await judge(name, url, change(url, begun) ?? begun.cookie);
  };
  const set = (parameter: string, value: string) => (url: URL) => void url.searchParams.set(parameter, value);
  const without = (parameter: string) => (url: URL) => void url.searchParams.delete(parameter);

  await changed('state wrong', set('state', 'x'.repeat(43)));
  await changed('state empty', set('state', ''));
  await changed('state missing', without('state'));
  await changed('state twice', (url) => void url.searchParams.append('state', 'y'));
  await changed('state SQL', set('state', "' OR 1=1 --"));
  await changed('code missing', without('code'));
  await changed('code wrong', set('code', 'made-up'));
  await changed('issuer of another provider', set('iss', 'https://evil.example/realms/fleet'));
  await changed('issuer missing where it is announced', without('iss'));
  await changed('an error in the place of a code', (url) => {
    url.searchParams.delete('code');
    url.searchParams.set('error', 'access_denied');
  });
  await changed('no cookie', () => 'other=1');
  await changed('cookie made up', () => `edge_oidc=${'z'.repeat(43)}`);

  const [attacker, victim] = [await stack.begin(), await stack.begin()];
  const attackersAnswer = await back(attacker);
  // Login CSRF: the victim's browser is led to the attacker's answer.
  await judge('answer of another browser', attackersAnswer, victim.cookie);
  const injected = await back(victim);
  injected.searchParams.set('code', attackersAnswer.searchParams.get('code') ?? '');
  await judge('code of another sign-in', injected, victim.cookie);

  await judge('answer without any sign-in', await back(await stack.begin()), '');
  const once = await stack.begin();
  const answer = await back(once);
  await stack.finish(answer.href, once.cookie);
  await judge('answer used twice', answer, once.cookie);

  for (const [name, assignment] of [
    ['nonce of another sign-in', `nonce = 'another'`],
    ['verifier of another sign-in', `code_verifier = '${'v'.repeat(43)}'`],
    ['answer too late', `expires_at = now() - interval '1 second'`],
  ] as const) {
    const begun = await stack.begin();
    const late = await back(begun);
    await withClient(stack.databaseUrl, (client) =>
      client.query(`UPDATE provider_sign_ins SET ${assignment}`),
    );
    await judge(name, late, begun.cookie);
  }
  return [...results, ...(await attackByIdTokens(stack))];
}

/** A token endpoint under the attacker's hand: what it answers is believed only as far as it is signed. */
async function attackByIdTokens(stack: ProviderStack): Promise<Attack[]> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  let idToken = '';
  const fake = await startFakeProvider(publicKey, () => idToken);
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const options = { ...stack.options, issuer: fake.issuer };
  const flow = createSignInFlow({
    database: stack.database,
    secretBox: stack.secretBox,
    provider: openProvider(options, { log, now: () => new Date() }),
    log,
    now: () => new Date(),
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    sessionLimits: { idleMs: 3_600_000, lifeMs: 3_600_000 },
  });
  const origin = (index: number) => ({
    ipAddress: `203.0.113.${index}`,
    userAgent: null,
    requestId: 'attack',
  });
  const now = Math.floor(Date.now() / 1000);
  const usual = {
    iss: fake.issuer,
    aud: options.clientId,
    sub: 'sub-ada',
    iat: now,
    exp: now + 300,
    groups: ['/orgs/acme/org_admin'],
  };
  const sign = (claims: object, header: object = {}, key: KeyObject = privateKey): string => {
    const input = [{ alg: 'RS256', kid: 'k', ...header }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${input}.${signBytes('sha256', Buffer.from(input), key).toString('base64url')}`;
  };
  const unsigned = (claims: object, alg: string, secret?: string): string => {
    const input = [{ alg }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const mac = secret === undefined ? '' : createHmac('sha256', secret).update(input).digest('base64url');
    return `${input}.${mac}`;
  };
  const forgeries: Readonly<Record<string, (nonce: string) => string>> = {
    unsigned: (nonce) => unsigned({ ...usual, nonce }, 'none'),
    'HS256 by the client’s secret': (nonce) =>
      unsigned({ ...usual, nonce }, 'HS256', options.clientSecret ?? ''),
    'by another key': (nonce) => sign({ ...usual, nonce }, {}, stranger),
    'by a key of its own header': (nonce) =>
      sign({ ...usual, nonce }, { jwk: publicKey.export({ format: 'jwk' }) }, stranger),
    'of another issuer': (nonce) => sign({ ...usual, nonce, iss: stack.idp.issuer }),
    'for another client': (nonce) => sign({ ...usual, nonce, aud: 'another' }),
    'of another sign-in': () => sign({ ...usual, nonce: 'another' }),
    'without nonce': () => sign(usual),
    expired: (nonce) => sign({ ...usual, nonce, iat: now - 7200, exp: now - 3600 }),
    'without subject': (nonce) => sign({ ...usual, nonce, sub: undefined }),
    'without expiry': (nonce) => sign({ ...usual, nonce, exp: undefined }),
    'for two clients, made for the other': (nonce) =>
      sign({ ...usual, nonce, aud: [options.clientId, 'another'], azp: 'another' }),
    missing: () => '',
  };
  const results: Attack[] = [];
  try {
    let index = 0;
    const run = async (make: (nonce: string) => string): Promise<string> => {
      index += 1;
      const begun = await flow.begin(undefined, origin(index));
      const parameters = new URL(begun.url).searchParams;
      idToken = make(parameters.get('nonce') ?? '');
      const answer = { code: 'c', state: parameters.get('state') ?? '', iss: fake.issuer };
      return flow.finish(answer, begun.browserSecret, origin(index)).then(
        () => 'accepted',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
      );
    };
    const genuine = await run((nonce) => sign({ ...usual, nonce }));
    if (genuine !== 'accepted') throw new Error(`the genuine ID token is refused: ${genuine}`);
    for (const [name, make] of Object.entries(forgeries)) {
      results.push({ name: `ID token ${name}`, refused: (await run(make)) === 'auth.oidc_refused' });
    }
  } finally {
    await fake.stop();
  }
  return results;
}

async function startFakeProvider(publicKey: KeyObject, idToken: () => string) {
  let issuer = '';
  const server = createServer((request, response) => {
    const answers: Readonly<Record<string, () => unknown>> = {
      '/.well-known/openid-configuration': () => ({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/certs`,
        response_types_supported: ['code'],
        id_token_signing_alg_values_supported: ['RS256', 'none', 'HS256'],
      }),
      '/certs': () => ({
        keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }],
      }),
      '/token': () => ({
        access_token: 'opaque',
        token_type: 'Bearer',
        ...(idToken() === '' ? {} : { id_token: idToken() }),
      }),
    };
    const answer = answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer?.() ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
