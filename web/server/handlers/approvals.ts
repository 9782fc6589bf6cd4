/** Decisions on registrations, and claim codes. */
import type { ApprovalUseCases, ClaimUseCases } from '#control-plane';
import type { APPROVAL_ROUTES, CLAIM_ROUTES } from '#web-api';
import type { Handlers } from '../call.ts';

export const approvalHandlers = (
  approvals: ApprovalUseCases,
): Pick<Handlers, keyof typeof APPROVAL_ROUTES> => ({
  'approvals.list': ({ caller, query }) => approvals.list(caller, query),
  'approvals.approve': ({ caller, body }) => approvals.approve(caller, body),
  'approvals.reject': ({ caller, body }) => approvals.reject(caller, body),
});

export const claimHandlers = (claims: ClaimUseCases): Pick<Handlers, keyof typeof CLAIM_ROUTES> => ({
  'claim_codes.get': ({ caller, params }) => claims.getCode(caller, params.device_id),
  'claim_codes.create': ({ caller, params, body }) => claims.createCode(caller, params.device_id, body),
  'claim_codes.delete': ({ caller, params }) => claims.deleteCode(caller, params.device_id),
  'claims.create': ({ caller, body }) => claims.claim(caller, body),
});
