/** Suspending, resuming and deleting an organisation. */
import type { Database, Organization, Stores } from '#db';
import { type AuditDraft, audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { PeopleUseCases } from '../people-use-cases.ts';
import type { Person } from '../use-cases.ts';
import { announceAccess } from './announce-access.ts';
import { organizationView } from './organization-view.ts';
import { permit } from './permit.ts';

const DAY_MS = 86_400_000;
const DELETION_REASON = 'To be deleted';

export interface OrganizationLifeDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  /** Days from the request to the deletion, in which it can be taken back. */
  readonly organizationGraceDays: number;
}
type LifeUseCases = Pick<PeopleUseCases, 'suspendOrganization' | 'resumeOrganization' | 'deleteOrganization'>;

export function createOrganizationLife(deps: OrganizationLifeDeps): LifeUseCases {
  const { now, organizationGraceDays } = deps;

  /** Locks the organisation, changes it, and tells brokers and streams with the same commit. */
  async function change(
    person: Person,
    act: 'suspend' | 'resume' | 'delete',
    orgId: string,
    work: (stores: Stores, before: Organization, at: Date) => Promise<Organization | null>,
  ) {
    const draft = byPerson(person, `organization.${act}`, `organization:${orgId}`);
    return audited(deps, draft, async (stores, entry) => {
      const before = await permittedOrganization(stores, person, act, orgId, entry);
      const at = now();
      const after = await work(stores, before, at);
      if (after === null) throw new AppError('organization.not_found');
      entry.object = `organization:${after.id}`;
      entry.detail = { name: after.name, ...changesBetween(shownFields(before), shownFields(after)) };
      await announceSuspension(stores, before, after);
      await announceAccess(stores, after.id, at);
      return organizationView(after);
    });
  }

  return {
    suspendOrganization: (person, orgId, { reason }) =>
      change(person, 'suspend', orgId, (stores, before, at) =>
        stores.organizations.suspend(before.id, {
          at: before.suspendedAt ?? at,
          reason,
          deleteAfter: before.deleteAfter,
        }),
      ),

    resumeOrganization: (person, orgId) =>
      change(person, 'resume', orgId, (stores, before, at) => {
        if (before.suspendedAt === null) throw new AppError('organization.not_suspended');
        // The job may be at work by then, and what it deleted does not come back.
        if (before.deleteAfter !== null && before.deleteAfter <= at) {
          throw new AppError('organization.deletion_due');
        }
        return stores.organizations.resume(before.id);
      }),

    deleteOrganization: (person, orgId, { confirm }) =>
      change(person, 'delete', orgId, (stores, before, at) => {
        if (confirm !== before.name) throw new AppError('organization.name_mismatch');
        return stores.organizations.suspend(before.id, {
          at: before.suspendedAt ?? at,
          reason: before.suspensionReason ?? DELETION_REASON,
          // Asking again does not put the end off.
          deleteAfter: before.deleteAfter ?? new Date(at.getTime() + organizationGraceDays * DAY_MS),
        });
      }),
  };
}

async function permittedOrganization(
  stores: Stores,
  person: Person,
  act: 'suspend' | 'resume' | 'delete',
  orgId: string,
  entry: AuditDraft,
): Promise<Organization> {
  const organization = await stores.organizations.lock(orgId);
  const action = act === 'delete' ? 'organization.delete' : 'organization.suspend';
  permit(person, action, organization?.id, 'organization.not_found', entry);
  if (organization === null) throw new AppError('organization.not_found');
  return organization;
}

/** Brokers close what is suspended at once, and read the whole list again where one is resumed. */
async function announceSuspension(stores: Stores, before: Organization, after: Organization): Promise<void> {
  if ((before.suspendedAt === null) === (after.suspendedAt === null)) return;
  await stores.notify(
    'edge_revocations',
    after.suspendedAt === null
      ? { serials: [], refresh: true }
      : { serials: [], suspended_orgs: [after.slug] },
  );
}

const shownFields = ({ suspendedAt, suspensionReason, deleteAfter }: Organization) => ({
  suspended_at: suspendedAt,
  suspension_reason: suspensionReason,
  delete_after: deleteAfter,
});
