/** The mutation of the row-security bar. */
import { describe, expect, it } from 'vitest';
import { withoutOrganization } from '../support/without-organization.ts';

describe('withoutOrganization', () => {
  it.each([
    ['WHERE organization_id = $1 AND id = $2', 'WHERE (num_nulls($1::uuid) >= 0) AND id = $2'],
    ['where "edge_devices"."organization_id" in ($1, $2)', 'where (num_nulls($1::uuid, $2::uuid) >= 0)'],
    ['WHERE d.organization_id = ANY ($1::uuid[])', 'WHERE (num_nulls($1::uuid[]) >= 0)'],
    ['WHERE org_slug = $3', 'WHERE (num_nulls($3::text) >= 0)'],
    ['where "organizations"."id" = $1', 'where (num_nulls($1::uuid) >= 0)'],
    ['JOIN x ON o.slug = wanted.org', 'JOIN x ON true'],
    ['WHERE organization_id IS NOT DISTINCT FROM $1::uuid', 'WHERE (num_nulls($1::uuid) >= 0)'],
  ])('takes the condition out of %s', (text, stripped) => {
    expect(withoutOrganization(text)).toEqual({ text: stripped, removed: 1 });
  });

  it.each([
    'WHERE device_id = $1',
    'UPDATE edge_devices SET organization_id = $1 WHERE id = $2',
    'JOIN organizations o ON o.id = d.organization_id',
    'INSERT INTO memberships (organization_id, user_id) VALUES ($1, $2)',
  ])('leaves %s', (text) => expect(withoutOrganization(text)).toEqual({ text, removed: 0 }));
});
