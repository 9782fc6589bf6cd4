/** From a user and what it came with to the caller that use cases meet. Pure. */
import type { Membership, User } from '#db';
import type { Action, Me } from '#web-api';
import type { ApiKeyCredential, Origin, Person } from '../use-cases.ts';
import { allowedActions } from './policy.ts';
import { membershipView, standingOf } from './standing.ts';

/** What the caller came with; the session's parts are empty for keys and access tokens. */
export type Proof = Pick<Person, 'apiKey' | 'csrfToken' | 'sessionTokenHash'>;
export const NO_SESSION = { csrfToken: '', sessionTokenHash: '' } as const;

export interface Installation {
  /** Of system admins. */
  readonly requireAdminTotp: boolean;
}

/**
 * The factor is asked of people with a password: the identity provider asks for its own, and a service account has
 * nothing to type.
 */
const lacksSecondFactor = (user: User): boolean =>
  user.kind === 'person' && user.isLocal && !user.hasSecondFactor;

const mustEnroll = (user: User, { requireAdminTotp }: Installation): boolean =>
  requireAdminTotp && user.isSystemAdmin && lacksSecondFactor(user);

/** In audit rows and `created by`: a person's e-mail, a service account's name. */
const shownName = (user: User): string => (user.kind === 'service' ? `service:${user.name}` : user.email);

export const personOf = (input: {
  readonly user: User;
  readonly memberships: readonly Membership[];
  readonly proof: Proof;
  readonly origin: Origin;
  readonly installation: Installation;
}): Person => ({
  kind: 'person',
  userId: input.user.id,
  email: shownName(input.user),
  isSystemAdmin: input.user.isSystemAdmin,
  mustChangePassword: input.user.mustChangePassword,
  mustEnrollTotp: mustEnroll(input.user, input.installation),
  ...standingOf(
    input.memberships,
    input.origin.ipAddress,
    input.user.isSystemAdmin,
    lacksSecondFactor(input.user),
  ),
  ...input.proof,
  origin: input.origin,
});

export function meOf(input: {
  readonly user: User;
  readonly memberships: readonly Membership[];
  readonly session: { readonly csrfToken: string; readonly expiresAt: Date } | null;
  readonly apiKey: ApiKeyCredential | null;
  readonly ipAddress: string | null;
  readonly installation: Installation;
}): Me {
  const { user, session, apiKey } = input;
  const inScope = <A extends string>(actions: readonly A[]): A[] =>
    actions.filter((action) => apiKey?.scopes.has(action as unknown as Action) ?? true);
  const lacks = lacksSecondFactor(user);
  const memberships = input.memberships.map((membership) =>
    membershipView(membership, input.ipAddress, user.isSystemAdmin, lacks),
  );
  return {
    user_id: user.id,
    email: shownName(user),
    name: user.name,
    is_system_admin: user.isSystemAdmin,
    must_change_password: user.mustChangePassword,
    csrf_token: session?.csrfToken ?? '',
    session_expires_at: session?.expiresAt.toISOString() ?? null,
    has_password: user.kind === 'person' && user.isLocal,
    has_second_factor: user.hasSecondFactor,
    must_enroll_second_factor:
      mustEnroll(user, input.installation) ||
      memberships.some(({ barred_by }) => barred_by === 'auth.totp_enrollment_required'),
    actions: inScope(user.isSystemAdmin ? allowedActions('system_admin') : []),
    memberships: memberships.map((view) => ({ ...view, actions: inScope(view.actions) })),
  };
}
