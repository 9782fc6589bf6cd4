/**
 * H3: forged device tokens, access tokens, ID tokens and logout tokens, attacks on the sign-in by an identity provider,
 * and ways to be led elsewhere: every one is refused, and what is genuine is accepted between them.
 */
import { createPrivateKey, createPublicKey, sign as signBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { createCsr, createKeyPair } from '#certs/csr';
import { openDeviceTokens } from '../../../control-plane/credentials/device-token.ts';
import { runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';
import { type Forgery, forgeClaims, forgeSignatures, type Genuine } from '../../support/forged-tokens.ts';
import { OPEN_REDIRECTS } from '../../support/open-redirects.ts';
import { type ProviderStack, startProviderStack } from '../../support/provider-stack.ts';
import { attackSignIn } from '../../support/sign-in-attacks.ts';

const ORIGIN = { ipAddress: '192.0.2.1', userAgent: null, requestId: 'bar' };
/** The genuine one is tried again after so many forgeries. */
const GENUINE_EVERY = 10;
const HOUR = 3600;

const accepted: string[] = [];
let tried = 0;
let genuineTried = 0;

await runBar(async () => {
  const server = await startTestServer();
  const dir = mkdtempSync(join(tmpdir(), 'edge-forged-'));
  const deviceTokens = await openDeviceTokens({ dir });
  const stack = await startProviderStack({
    people: [
      { subject: 'sub-ada', username: 'ada', realmRoles: ['operator'], organization: ['acme'] },
      { subject: 'sub-eve', username: 'eve', realmRoles: ['operator'], organization: ['acme'] },
    ],
    controlPlane: { deviceTokens },
  });
  try {
    const { id: orgId } = await stack.database.organizations.create({ slug: 'acme', name: 'Acme' });
    const counts = [
      await accessTokens(stack),
      await deviceJwts(stack, orgId, dir),
      await logoutTokens(stack),
      await attacks(stack),
      await redirects(stack),
    ];
    for (const name of accepted) console.error(`accepted: ${name}`);
    return {
      name: 'forged-tokens',
      figure: `${accepted.length} of ${tried} accepted (${counts.join(', ')}); genuine ${genuineTried} of ${genuineTried}`,
      limit: '0 accepted',
      holds: accepted.length === 0 && tried >= 200,
    };
  } finally {
    await stack.stop();
    await server.stop();
    rmSync(dir, { recursive: true });
  }
});

async function accessTokens(stack: ProviderStack): Promise<string> {
  const { idp } = stack;
  const key = idp.publicKeys()[0];
  if (key === undefined) throw new Error('the provider has no key');
  const token = await idp.accessToken('ada');
  const genuine: Genuine = {
    ...read(token),
    publicKey: createPublicKey({ key: { ...key } as never, format: 'jwk' }),
    sign: idp.signRaw,
  };
  const now = Math.floor(Date.now() / 1000);
  const others = forgeClaims(genuine, {
    'an ID token': { claims: { typ: 'ID', nonce: 'n' } },
    'an ID token without nonce': { claims: { typ: 'ID' } },
    'a refresh token': { claims: { typ: 'Refresh' } },
    'a logout token': { claims: { typ: 'Logout', events: {} }, header: { typ: 'logout+jwt' } },
    'no type at all': { claims: { typ: undefined } },
    'a bound token': { claims: { cnf: { jkt: 'x' } } },
    'issued long ahead': { claims: { nbf: now + HOUR, exp: now + 2 * HOUR } },
    'no role': { claims: { realm_access: undefined, sub: 'sub-new' } },
  });
  const twice = idp.signRaw(
    JSON.stringify(genuine.header),
    `{"sub":"sub-eve",${JSON.stringify(genuine.claims).slice(1)}`,
  );
  const forgeries = [...forgeSignatures(genuine), ...others, { name: 'subject twice', token: twice }];
  return tryAll('access tokens', forgeries, token, (jwt) =>
    stack.controlPlane.access.authenticateAccessToken(jwt, ORIGIN),
  );
}

async function deviceJwts(stack: ProviderStack, orgId: string, dir: string): Promise<string> {
  const [own, other] = [await enrol(stack, orgId, 'one'), await enrol(stack, orgId, 'two')];
  const privateKey = createPrivateKey(readFileSync(join(dir, 'device-token.key')));
  const sign = (header: string, claims: string): string => {
    const input = [header, claims].map((part) => Buffer.from(part).toString('base64url')).join('.');
    return `${input}.${signBytes(null, Buffer.from(input), privateKey).toString('base64url')}`;
  };
  const genuine: Genuine = { ...read(own.token), publicKey: createPublicKey(privateKey), sign };
  const foreign = decodeJwt(other.token);
  const now = Math.floor(Date.now() / 1000);
  const forgeries = [
    ...forgeSignatures(genuine),
    ...forgeClaims(genuine, {
      'another device': { claims: { sub: foreign.sub } },
      'another organisation': { claims: { org: '99999999-9999-4999-8999-999999999999' } },
      'certificate of another device': { claims: { serial: foreign.serial } },
      'thumbprint of another certificate': { claims: { cnf: foreign.cnf } },
      'no thumbprint': { claims: { cnf: undefined } },
      'older than an hour': { claims: { iat: now - HOUR - 120, exp: now + 10 * HOUR } },
      'issued in the future': { claims: { iat: now + HOUR, exp: now + 2 * HOUR } },
      'issue time missing': { claims: { iat: undefined } },
      'id missing': { claims: { jti: undefined } },
      'another type': { header: { typ: 'at+jwt' } },
      'organisation no id': { claims: { org: "x' OR 1=1 --" } },
    }),
  ];
  return tryAll('device tokens', forgeries, own.token, (jwt) =>
    stack.controlPlane.device.authenticateToken(jwt, null, ORIGIN),
  );
}

async function logoutTokens(stack: ProviderStack): Promise<string> {
  const { idp } = stack;
  const key = idp.publicKeys()[0];
  if (key === undefined) throw new Error('the provider has no key');
  const fresh = () => idp.logoutToken({ sub: 'sub-ada' });
  const token = await fresh();
  const publicKey = createPublicKey({ key: { ...key } as never, format: 'jwk' });
  const genuine: Genuine = { ...read(token), publicKey, sign: idp.signRaw };
  const now = Math.floor(Date.now() / 1000);
  const used = await fresh();
  const victim = await stack.signIn('ada');
  // Each from an address of its own: refused ones are limited per address.
  let address = 0;
  const logout = (jwt: string) => {
    address += 1;
    const ipAddress = `198.51.100.${address % 250}`;
    return stack.controlPlane.oidc.backChannelLogout(jwt, { ...ORIGIN, ipAddress });
  };
  await stack.controlPlane.oidc.backChannelLogout(await idp.logoutToken({ sub: 'sub-eve' }), ORIGIN);
  await logout(used).catch(() => undefined);
  const still = await stack.signIn('ada');
  const wrong = forgeClaims(genuine, {
    'used before': { claims: decodeJwt(used) },
    'no events': { claims: { events: undefined } },
    'other events': { claims: { events: { 'http://schemas.openid.net/event/other': {} } } },
    'events a list': { claims: { events: ['http://schemas.openid.net/event/backchannel-logout'] } },
    'event no object': { claims: { events: { 'http://schemas.openid.net/event/backchannel-logout': true } } },
    'with a nonce': { claims: { nonce: 'n' } },
    'no session and no subject': { claims: { sub: undefined, sid: undefined } },
    'session no text': { claims: { sid: 1 } },
    'too old': { claims: { iat: now - HOUR, exp: now + HOUR } },
    'issue time missing': { claims: { iat: undefined } },
    'id missing': { claims: { jti: undefined } },
    'an access token': { header: { typ: 'at+jwt' } },
    // What of the common ones a logout token need not have.
  }).filter(({ name }) => name !== 'expiry missing' && name !== 'subject missing');
  const forgeries = [...forgeSignatures(genuine), ...wrong];
  let count = 0;
  for (const { name, token: jwt } of forgeries) {
    await expectRefusal(`logout token: ${name}`, () => logout(jwt));
    count += 1;
  }
  const sessions = [victim, still].map(({ cookie }) =>
    stack.web.call(`${stack.consoleOrigin}/api/v1/auth/me`, { headers: { cookie } }),
  );
  const [ended, alive] = (await Promise.all(sessions)).map(({ status }) => status);
  if (ended !== 401 || alive !== 200) accepted.push(`logout tokens: sessions answer ${ended} and ${alive}`);
  await logout(await fresh());
  genuineTried += 2;
  return `logout tokens ${count}`;
}

async function attacks(stack: ProviderStack): Promise<string> {
  const results = await attackSignIn(stack);
  for (const { name, refused } of results) {
    tried += 1;
    if (!refused) accepted.push(`sign-in: ${name}`);
  }
  const { me } = await stack.signIn('ada');
  if (me.user_id === undefined) throw new Error('a genuine sign-in is refused');
  genuineTried += 1;
  return `sign-in attacks ${results.length}`;
}

async function redirects(stack: ProviderStack): Promise<string> {
  let address = 0;
  for (const path of OPEN_REDIRECTS) {
    address += 1;
    const origin = { ...ORIGIN, ipAddress: `203.0.113.${address}` };
    await expectRefusal(`redirect: ${path.slice(0, 60)}`, () => stack.controlPlane.oidc.begin(path, origin));
  }
  return `redirects ${OPEN_REDIRECTS.length}`;
}

async function tryAll(
  kind: string,
  forgeries: readonly Forgery[],
  genuine: string,
  use: (jwt: string) => Promise<unknown>,
): Promise<string> {
  for (const [index, { name, token }] of forgeries.entries()) {
    if (index % GENUINE_EVERY === 0) {
      await use(genuine);
      genuineTried += 1;
    }
    await expectRefusal(`${kind}: ${name}`, () => use(token));
  }
  return `${kind} ${forgeries.length}`;
}

/** A breakdown is no refusal. */
async function expectRefusal(name: string, use: () => Promise<unknown>): Promise<void> {
  tried += 1;
  try {
    await use();
    accepted.push(name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!/^(auth|request)\./.test(code)) accepted.push(`${name}: ${String(error)}`);
  }
}

function read(token: string): Pick<Genuine, 'token' | 'header' | 'claims'> {
  return { token, header: { ...decodeProtectedHeader(token) }, claims: decodeJwt(token) };
}

async function enrol(
  stack: ProviderStack,
  orgId: string,
  name: string,
): Promise<{ id: string; token: string }> {
  const root = await stack.openSession(
    await stack.addUser({ email: `root-${name}@example.com`, isSystemAdmin: true }),
  );
  const created = await stack.web.call(`${stack.consoleOrigin}/api/v1/admin/edge/registration-tokens`, {
    method: 'POST',
    headers: { cookie: root.cookie, 'x-csrf-token': root.csrfToken },
    body: { organization_id: orgId, max_uses: 1 },
  });
  const reply = await stack.web.call(`${stack.consoleOrigin}/api/v1/edge/devices/register`, {
    method: 'POST',
    body: {
      device_name: name,
      device_type: 'gateway',
      hardware_id: `hardware-${name}`,
      firmware_version: '1.0.0',
      registration_token: (created.json() as { token: string }).token,
      csr: createCsr(createKeyPair().privateKeyPem),
    },
  });
  const { device_id: id, auth_token: token } = reply.json() as { device_id: string; auth_token: string };
  return { id, token };
}
