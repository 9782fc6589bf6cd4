/** An organisation in the shape of the HTTP contract. Pure. */
import type { Organization } from '#db';
import type { OrganizationView } from '#web-api';

export const organizationView = (organization: Organization): OrganizationView => ({
  id: organization.id,
  slug: organization.slug,
  name: organization.name,
  created_at: organization.createdAt.toISOString(),
  device_count: organization.deviceCount,
  state: stateOf(organization),
  suspended_at: organization.suspendedAt?.toISOString() ?? null,
  suspension_reason: organization.suspensionReason,
  delete_after: organization.deleteAfter?.toISOString() ?? null,
});

function stateOf({ suspendedAt, deleteAfter }: Organization): OrganizationView['state'] {
  if (deleteAfter !== null) return 'deleting';
  return suspendedAt === null ? 'active' : 'suspended';
}
