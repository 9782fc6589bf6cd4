/** Whether people decide on a registration. Pure. */
import type { EnrollmentApproval, RegistrationToken } from '#db';
import type { Admission } from './admission.ts';

/**
 * A token of its own organisation that asks for it always does. `unknown_hardware`: machines that nobody registered
 * beforehand, and new keys of those whose certificates were revoked or are over; a token made for the replacement of
 * one device is such a decision already.
 */
export function needsApproval(
  mode: EnrollmentApproval,
  token: Pick<RegistrationToken, 'orgId' | 'requiresApproval'>,
  { how, orgId }: Pick<Admission, 'how' | 'orgId'>,
): boolean {
  if (token.requiresApproval && token.orgId === orgId) return true;
  switch (mode) {
    case 'never':
      return false;
    case 'always':
      return true;
    case 'unknown_hardware':
      return how === 'created' || how === 'renewed';
  }
}
