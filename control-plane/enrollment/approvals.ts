/** Decisions on registrations: who comes in, who does not. */
import type { Database, EnrollmentRequest, RegistrationToken, Stores } from '#db';
import type { DecisionReply } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { listScope, permit } from '../access/permit.ts';
import { toAppError } from '../access/store-failure.ts';
import { type AuditDraft, audited, auditedOutside, byPerson } from '../audit/audited.ts';
import type { ApprovalUseCases } from '../enrollment-use-cases.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Person } from '../use-cases.ts';
import { admit, planAdmission } from './admission.ts';
import { approvalView } from './approval-view.ts';
import { announceAdmitted, announceApproval, recordUse } from './register.ts';
import { tokenState } from './token-view.ts';

interface ApprovalDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
}

type Decided = DecisionReply['results'][number];
type Decide = (stores: Stores, request: EnrollmentRequest, entry: AuditDraft) => Promise<void>;

export function createApprovals(deps: ApprovalDeps): ApprovalUseCases {
  const { database, now } = deps;

  /** One transaction and one audit row per id; a refusal of the whole leaves one for the organisation. */
  async function decideAll(
    person: Person,
    action: 'enrollment.approve' | 'enrollment.reject',
    {
      organization_id: orgId,
      approval_ids: ids,
    }: { organization_id: string; approval_ids: readonly string[] },
    decide: Decide,
  ): Promise<DecisionReply> {
    const draft = byPerson(person, action, `organization:${orgId}`);
    const organization = await auditedOutside(deps, draft, async () => {
      const found = await database.organizations.find(orgId);
      permit(person, 'enrollment.decide', found?.id, 'organization.not_found', draft);
      return found;
    });
    const results: Decided[] = [];
    for (const id of ids) {
      const entry = { ...byPerson(person, action, `approval:${id}`), orgId: organization?.id ?? null };
      results.push(await decideOne(deps, entry, id, decide));
    }
    const decided = results.filter(({ ok }) => ok).length;
    return { decided, failed: results.length - decided, results };
  }

  return {
    async list(person, query) {
      const scope = await listScope(database.organizations, person, 'enrollment.read', query.org_id);
      const filter = {
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.search === undefined ? {} : { search: query.search }),
      };
      const page = await database.enrollmentRequests.list(scope, filter, toPageRequest(query), now());
      return toListed(page, approvalView);
    },

    approve: (person, body) =>
      decideAll(person, 'enrollment.approve', body, (stores, request, entry) =>
        approve(stores, request, person, now(), entry),
      ),

    reject: (person, body) =>
      decideAll(person, 'enrollment.reject', body, (stores, request, entry) =>
        reject(stores, request, person, body.reason, now(), entry),
      ),
  };
}

/** @throws what is not the fault of this id: 'service.unavailable', bugs. */
async function decideOne(
  deps: ApprovalDeps,
  draft: AuditDraft,
  id: string,
  decide: Decide,
): Promise<Decided> {
  const { database, now } = deps;
  const orgId = draft.orgId;
  try {
    // As the owner: hardware enrols once in the installation, so other organisations' devices must be seen; and the token
    // of hardware that was claimed is another organisation's.
    const view = await database.asOwner(() =>
      audited(deps, draft, async (stores, entry) => {
        const found = orgId === null ? null : await stores.enrollmentRequests.find(orgId, id, now());
        if (found === null) throw new AppError('approval.not_found');
        entry.object = `approval:${found.id}`;
        entry.detail = { hardware_id: found.hardwareId, name: found.name, key: found.keyThumbprint };
        await decide(stores, found, entry);
        const after = await stores.enrollmentRequests.find(found.orgId, found.id, now());
        return approvalView(after ?? found);
      }),
    );
    return { approval_id: id, ok: true, approval: view, error: null, detail: null };
  } catch (cause) {
    const error = toAppError(cause);
    if (!(error instanceof AppError) || error.code === 'service.unavailable') throw error;
    return { approval_id: id, ok: false, approval: null, error: error.code, detail: error.message };
  }
}

/** Locks in the order of registration: token, device. What is approved already stays as it is. */
async function approve(
  stores: Stores,
  found: EnrollmentRequest,
  person: Person,
  at: Date,
  entry: AuditDraft,
): Promise<void> {
  const { token, request } = await lockRequest(stores, found, at);
  if (request.state === 'approved' || request.state === 'enrolled') {
    entry.detail = { ...entry.detail, repeated: true };
    return;
  }
  if (tokenState(token, at) !== 'live') throw new AppError('approval.token_ended');
  if (request.state === 'ended') throw new AppError('approval.decided');
  const registration = {
    device_name: request.name,
    device_type: request.type,
    hardware_id: request.hardwareId,
    firmware_version: request.firmwareVersion,
    ipAddress: request.ipAddress,
    keyThumbprint: request.keyThumbprint,
  };
  const admission = await planAdmission(stores, token, registration, at);
  // Claimed by others, or back with us, since it asked: whose people decide has changed.
  if (admission.orgId !== request.orgId) throw new AppError('enrollment.hardware_known');
  const device = await admit(stores, token, registration, admission, { now: at, mayRename: true });
  await recordUse(stores, token, device, request.keyThumbprint, at);
  await stores.enrollmentRequests.decide(request.orgId, request.id, {
    from: ['waiting', 'rejected'],
    state: 'approved',
    by: person.email,
    reason: null,
    deviceId: device.id,
    at,
  });
  const rivals = await stores.enrollmentRequests.endRivals(request.orgId, request.hardwareId, request.id, at);
  await announceAdmitted(stores, token, device, admission.how, at);
  await announceApproval(stores, { orgId: request.orgId, id: request.id, state: 'approved' }, at);
  entry.detail = {
    ...entry.detail,
    how: admission.how,
    device_id: device.id,
    device_name: device.name,
    token: token.prefix,
    ...(rivals === 0 ? {} : { other_keys_ended: rivals }),
  };
}

async function reject(
  stores: Stores,
  found: EnrollmentRequest,
  person: Person,
  reason: string,
  at: Date,
  entry: AuditDraft,
): Promise<void> {
  const { request } = await lockRequest(stores, found, at);
  entry.detail = { ...entry.detail, reason };
  if (request.state === 'rejected') {
    entry.detail = { ...entry.detail, repeated: true };
    return;
  }
  const isDecided = await stores.enrollmentRequests.decide(request.orgId, request.id, {
    from: ['waiting'],
    state: 'rejected',
    by: person.email,
    reason,
    at,
  });
  // Who was let in is turned out by revoking the device.
  if (!isDecided) throw new AppError('approval.decided');
  await announceApproval(stores, { orgId: request.orgId, id: request.id, state: 'rejected' }, at);
}

/** The token's lock is what registrations and decisions about them wait for. */
async function lockRequest(
  stores: Stores,
  found: EnrollmentRequest,
  at: Date,
): Promise<{ token: RegistrationToken; request: EnrollmentRequest }> {
  const token = await stores.tokens.lock(found.tokenId);
  const request = await stores.enrollmentRequests.find(found.orgId, found.id, at);
  if (token === null || request === null) throw new AppError('approval.not_found');
  return { token, request };
}
