/** Words for roles and states of organisations. Pure. */
import type { OrganizationView, Role } from '#web-api';

export const ROLE_LABELS: Readonly<Record<Role, string>> = {
  org_admin: 'Admin',
  operator: 'Operator',
  release_manager: 'Release manager',
  auditor: 'Auditor',
  org_member: 'Member (read only)',
};

/** What a role is limited to, in a few words. */
export function limitText(
  groupIds: readonly string[] | null,
  nameOf: (groupId: string) => string | undefined,
): string {
  if (groupIds === null) return 'All devices';
  if (groupIds.length === 0) return 'No device';
  return groupIds.map((id) => nameOf(id) ?? 'another group').join(', ');
}

export const ORGANIZATION_STATE_LOOKS: Readonly<
  Record<OrganizationView['state'], { readonly label: string; readonly tone: 'good' | 'warn' | 'bad' }>
> = {
  active: { label: 'Active', tone: 'good' },
  suspended: { label: 'Suspended', tone: 'warn' },
  deleting: { label: 'Being deleted', tone: 'bad' },
};
