import { describe, expect, it } from 'vitest';
import { isPlainToken } from '../../../../control-plane/credentials/token-text.ts';
import { adminOf } from '../../../../control-plane/oidc/admit-person.ts';
import { type MappingOptions, readProviderOptions } from '../../../../control-plane/oidc/provider-options.ts';
import { profileOf } from '../../../../control-plane/oidc/provider-profile.ts';
import { returnPathOf } from '../../../../control-plane/oidc/return-path.ts';
import { grantsOf } from '../../../../control-plane/oidc/role-mapping.ts';
import { readSettings } from '../../../../control-plane/settings.ts';
import { OPEN_REDIRECTS } from '../../../support/open-redirects.ts';

const options = (env: Record<string, string> = {}) => {
  const all = { OIDC_ISSUER: 'https://idp.example/realms/fleet', ...env };
  const read = readProviderOptions(readSettings([], all), 'https://edge.example:8443');
  if (read === null) throw new Error('no provider');
  return read;
};
const mapping = (env: Record<string, string> = {}): MappingOptions => options(env).mapping;
const rolesOf = (claims: Record<string, unknown>, env: Record<string, string> = {}) =>
  Object.fromEntries(grantsOf([claims], mapping(env)).roles);
const operator = { realm_access: { roles: ['operator'] } };

describe('grantsOf', () => {
  it.each([
    [
      'a realm role in every organisation',
      { ...operator, organization: ['a', 'b'] },
      { a: 'operator', b: 'operator' },
    ],
    ['the object form', { ...operator, organization: { acme: { id: '1' } } }, { acme: 'operator' }],
    ['one organisation as text', { ...operator, organization: 'acme' }, { acme: 'operator' }],
    [
      'a role of our client',
      { resource_access: { 'ops-center-edge': { roles: ['auditor'] } }, organization: ['acme'] },
      { acme: 'auditor' },
    ],
    [
      'no role of another client',
      { resource_access: { other: { roles: ['org_admin'] } }, organization: ['acme'] },
      {},
    ],
    ['a group', { groups: ['/orgs/acme/org_admin'] }, { acme: 'org_admin' }],
    [
      'the strongest where several meet',
      { ...operator, organization: ['acme'], groups: ['/orgs/acme/org_admin', '/orgs/acme/org_member'] },
      { acme: 'org_admin' },
    ],
    ['nothing without an organisation', operator, {}],
    [
      'nothing for a role that is not known',
      { realm_access: { roles: ['root'] }, organization: ['acme'] },
      {},
    ],
    ['nothing for what is no slug', { ...operator, organization: ['Acme', '../x', '__proto__', ''] }, {}],
    [
      'nothing for groups of another form',
      { groups: ['/acme/org_admin', 'orgs/acme/org_admin', '/orgs/acme/x/org_admin'] },
      {},
    ],
    [
      'nothing for claims of another shape',
      { realm_access: 'operator', organization: 7, groups: { a: 1 } },
      {},
    ],
  ])('reads %s', (_sentence, claims, expected) => expect(rolesOf(claims)).toEqual(expected));

  it('takes names and a default role from the settings', () => {
    const claims = { realm_access: { roles: ['fleet=admin', 'operator'] }, organization: ['acme'] };
    expect(rolesOf(claims, { OIDC_ROLES: 'fleet=admin=org_admin' })).toEqual({ acme: 'org_admin' });
    expect(rolesOf({ organization: ['acme'] }, { OIDC_DEFAULT_ROLE: 'org_member' })).toEqual({
      acme: 'org_member',
    });
  });

  it('makes system admins only by the role that is set', () => {
    const claims = { realm_access: { roles: ['system_admin', 'chief'] } };
    expect(grantsOf([claims], mapping()).isSystemAdmin).toBe(false);
    expect(grantsOf([claims], mapping({ OIDC_SYSTEM_ADMIN_ROLE: 'chief' })).isSystemAdmin).toBe(true);
  });
});

describe('adminOf', () => {
  it.each([
    ['keeps what was given here', [true, false], false, [true, false]],
    ['takes back what the provider gave', [true, true], false, [false, false]],
    ['gives what the provider says', [false, false], true, [true, true]],
  ] as const)('%s', (_sentence, [isSystemAdmin, isAdminByProvider], given, expected) => {
    const made = adminOf({ isSystemAdmin, isAdminByProvider }, { isSystemAdmin: given });
    expect([made.isSystemAdmin, made.isAdminByProvider]).toEqual(expected);
  });
});

describe('profileOf', () => {
  it('shows an e-mail only where the provider verified it', () => {
    const claims = { email: 'Root@Example.com', preferred_username: 'ada', name: 'Ada\u202E L' };
    expect(profileOf('s', claims)).toEqual({ verifiedEmail: null, shownEmail: 'ada', name: 'Ada L' });
    expect(profileOf('s', { ...claims, email_verified: true }).shownEmail).toBe('root@example.com');
    expect(profileOf('s', { ...claims, email_verified: 'true' }).verifiedEmail).toBeNull();
  });
  it('never shows a user name that looks like an address', () => {
    expect(profileOf('sub-1', { preferred_username: 'root@example.com' }).shownEmail).toBe('sub-1');
  });
});

describe('returnPathOf', () => {
  it.each([
    '/',
    '/admin',
    '/admin/edge/devices',
    '/admin/edge/devices?status=online&q=a%20b',
    '/admin/audit#row-7',
  ])('lets %s pass', (path) => expect(returnPathOf(path)).toBe(path));
  it.each(OPEN_REDIRECTS.map((path) => [path.slice(0, 60), path]))('refuses %j', (_shown, path) =>
    expect(returnPathOf(path)).toBeNull(),
  );
});

describe('isPlainToken', () => {
  const part = (text: string) => Buffer.from(text).toString('base64url');
  const token = (header: string, claims = '{"sub":"a","x":{"sub":"b"}}') =>
    `${part(header)}.${part(claims)}.c2ln`;
  it('takes a header of known fields', () => {
    expect(isPlainToken(token('{"alg":"RS256","typ":"JWT","kid":"k"}'))).toBe(true);
  });
  it.each([
    ['jwk', token('{"alg":"RS256","jwk":{}}')],
    ['crit', token('{"alg":"RS256","crit":["b64"],"b64":false}')],
    ['a name twice in the header', token('{"alg":"none","alg":"RS256"}')],
    ['a claim twice', token('{"alg":"RS256"}', '{"sub":"a","sub":"b"}')],
    ['a claim twice, once escaped', token('{"alg":"RS256"}', '{"sub":"a","\\u0073ub":"b"}')],
    ['a list', token('[]')],
    ['two parts', 'a.b'],
    ['five parts', 'a.b.c.d.e'],
    ['padding', `${token('{"alg":"RS256"}')}=`],
    ['a blank behind', `${token('{"alg":"RS256"}')} `],
  ])('refuses %s', (_sentence, text) => expect(isPlainToken(text)).toBe(false));
});

describe('readProviderOptions', () => {
  it('is null without an issuer', () => {
    expect(readProviderOptions(readSettings([], {}), 'https://edge.example')).toBeNull();
  });
  it.each([
    ['OIDC_ISSUER', { OIDC_ISSUER: 'http://idp.example/realms/fleet' }],
    ['OIDC_ISSUER', { OIDC_ISSUER: 'https://user:pass@idp.example' }],
    ['OIDC_ISSUER', { OIDC_ISSUER: 'no address' }],
    ['OIDC_CONSOLE_URL', { OIDC_CONSOLE_URL: 'http://console.example' }],
    ['OIDC_ROLES', { OIDC_ROLES: 'admin=root' }],
  ])('names %s where it is not safe', (name, env) => expect(() => options(env)).toThrow(name));
  it('takes http:// on loopback alone', () => {
    expect(options({ OIDC_ISSUER: 'http://127.0.0.1:8081/realms/fleet' }).issuer).toContain('127.0.0.1');
  });
});
