/** From verdict to error, and which organisations a list spans. */
import { describe, expect, it } from 'vitest';
import { toPageRequest } from '../../../../control-plane/access/list-page.ts';
import { listScope, permit } from '../../../../control-plane/access/permit.ts';
import type { Person } from '../../../../control-plane/use-cases.ts';

const OWN = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';
const FOREIGN = '00000000-0000-4000-8000-000000000003';

const organizations = {
  find: async (id: string) =>
    [OWN, OTHER, FOREIGN].includes(id)
      ? {
          ...{ id, slug: 'x', name: 'x', createdAt: new Date(0), deviceCount: 0 },
          ...{ suspendedAt: null, suspensionReason: null, deleteAfter: null },
        }
      : null,
};

const person = (changes: Partial<Person>): Person => ({
  kind: 'person',
  userId: 'u',
  email: 'a@example.org',
  isSystemAdmin: false,
  mustChangePassword: false,
  mustEnrollTotp: false,
  roles: new Map(),
  groups: new Map(),
  barred: new Map(),
  apiKey: null,
  csrfToken: '',
  sessionTokenHash: '',
  origin: { ipAddress: null, userAgent: null, requestId: 'r' },
  ...changes,
});
const member = person({
  roles: new Map([
    [OWN, 'org_member'],
    [OTHER, 'org_admin'],
  ]),
});
const systemAdmin = person({ isSystemAdmin: true });

describe('permit', () => {
  const entry = () => ({ actor: '', ipAddress: null, action: '', object: '', orgId: null, detail: {} });

  it('answers a foreign object and an unknown one alike, and keeps both out of the foreign log', () => {
    const draft = entry();
    for (const orgId of [FOREIGN, undefined]) {
      expect(() => permit(member, 'device.read', orgId, 'device.not_found', draft)).toThrow(
        expect.objectContaining({ code: 'device.not_found' }),
      );
    }
    expect(draft.orgId).toBeNull();
  });

  it('forbids in the own organisation and leaves its id for the audit row', () => {
    const draft = entry();
    expect(() => permit(member, 'device.write', OWN, 'device.not_found', draft)).toThrow(
      expect.objectContaining({ code: 'auth.forbidden' }),
    );
    expect(draft.orgId).toBe(OWN);
  });

  it('wants a new password before anything else', () => {
    const fresh = person({ isSystemAdmin: true, mustChangePassword: true });
    expect(() => permit(fresh, 'device.read', OWN, 'device.not_found')).toThrow(
      expect.objectContaining({ code: 'auth.password_change_required' }),
    );
  });
});

describe('listScope', () => {
  it.each<[string, Person, 'device.read' | 'audit.read', string | undefined, unknown]>([
    ['spans everything for a system admin', systemAdmin, 'device.read', undefined, null],
    ['narrows to the organisation asked for', systemAdmin, 'device.read', FOREIGN, FOREIGN],
    ['spans all organisations of a member', member, 'device.read', undefined, [OWN, OTHER]],
    ['spans only those whose role allows it', member, 'audit.read', undefined, [OTHER]],
    ['is empty for a person of no organisation', person({}), 'device.read', undefined, []],
  ])('%s', async (_sentence, who, action, orgId, scope) => {
    expect(await listScope(organizations, who, action, orgId)).toEqual(scope);
  });

  it.each<[string, Person, 'device.read' | 'audit.read', string, string]>([
    ['hides a foreign organisation', member, 'device.read', FOREIGN, 'organization.not_found'],
    ['forbids in the own one', member, 'audit.read', OWN, 'auth.forbidden'],
    ['knows unknown ones from empty ones', systemAdmin, 'device.read', 'nowhere', 'organization.not_found'],
  ])('%s', async (_sentence, who, action, orgId, code) => {
    await expect(listScope(organizations, who, action, orgId)).rejects.toMatchObject({ code });
  });
});

describe('toPageRequest', () => {
  it.each([
    [{}, { limit: 50 }],
    [
      { page: 3, page_size: 20 },
      { limit: 20, offset: 40 },
    ],
    [
      { cursor: 'c', page_size: 9999 },
      { limit: 500, cursor: 'c' },
    ],
  ])('turns %j into %j', (query, request) => {
    expect(toPageRequest(query)).toEqual(request);
  });

  it('refuses a page number together with a cursor', () => {
    expect(() => toPageRequest({ page: 1, cursor: 'c' })).toThrow(
      expect.objectContaining({ code: 'request.invalid' }),
    );
  });
});
