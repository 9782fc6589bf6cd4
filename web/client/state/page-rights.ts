/** Which pages ask for a right, and whether the person has it. Pure. */
import type { Action } from '#web-api';
import type { Location, PageName } from './addresses.ts';
import { allows, type SessionState } from './session.ts';

const PAGE_ACTIONS: Partial<Readonly<Record<PageName, Action>>> = {
  dashboard: 'telemetry.read',
  tokens: 'token.read',
  approvals: 'enrollment.read',
  integrators: 'integrator.read',
  certificates: 'certificate.read',
  'dead-letters': 'dead_letter.read',
  users: 'user.read',
  'service-accounts': 'service_account.read',
  audit: 'audit.read',
};

/** True where no role of the person opens the page. A door that is shut for another reason is the server's to name. */
export function isForbidden(state: SessionState, location: Location): boolean {
  const action = PAGE_ACTIONS[location.page];
  if (action === undefined || state.kind !== 'in') return false;
  const { me } = state;
  const isShut = me.must_enroll_second_factor || me.memberships.some((one) => one.barred_by !== null);
  return !isShut && !allows(state, action, location.params.organization_id ?? null);
}
