/** The end of an organisation, in pieces that no transaction is long for. */
import type { OrganizationStore } from './contracts/people.ts';
import type { Queries } from './queries.ts';

export function createOrganizationRemoval({
  rows,
  count,
  inTransaction,
}: Queries): Pick<OrganizationStore, 'dueForDeletion' | 'deleteDevices' | 'remove'> {
  return {
    dueForDeletion: (now) =>
      rows<{ id: string; slug: string; name: string }>(
        'SELECT id, slug, name FROM organizations WHERE delete_after <= $1 ORDER BY delete_after, id',
        [now],
      ),

    // A trigger takes the time series with each device.
    deleteDevices: (orgId, limit) =>
      count(
        `DELETE FROM edge_devices WHERE id IN (
           SELECT id FROM edge_devices WHERE organization_id = $1 ORDER BY id LIMIT $2)`,
        [orgId, limit],
      ),

    remove: (orgId) =>
      inTransaction(async (queries) => {
        const [left] = await queries.rows<{ slug: string; devices: boolean }>(
          `SELECT slug, EXISTS (SELECT FROM edge_devices WHERE organization_id = $1) AS devices
           FROM organizations WHERE id = $1 FOR UPDATE`,
          [orgId],
        );
        if (left === undefined || left.devices) return false;
        await queries.count('DELETE FROM dead_letters WHERE org_slug = $1', [left.slug]);
        await queries.count('DELETE FROM deleted_devices WHERE organization_id = $1', [orgId]);
        // All else goes with the row, by its foreign keys.
        return (await queries.count('DELETE FROM organizations WHERE id = $1', [orgId])) === 1;
      }),
  };
}
