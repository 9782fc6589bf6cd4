/** Who is signed in, and what they may do. */
import type { Action, BodyOf, Me, OrganizationView } from '#web-api';
import type { Api } from '../data/api.ts';
import { ApiError } from '../data/api-error.ts';
import { createStore, type Readable } from './store.ts';

export type SessionState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'failed'; readonly error: ApiError }
  | { readonly kind: 'out' }
  | { readonly kind: 'in'; readonly me: Me; readonly organizations: readonly OrganizationView[] };

export interface Session extends Readable<SessionState> {
  /** Asks the server; never throws: a failure is a state. */
  refresh(): Promise<void>;
  /** @throws ApiError */
  login(credentials: BodyOf<'auth.login'>): Promise<void>;
  logout(): Promise<void>;
  ended(): void;
  csrfToken(): string | null;
}

/** The switcher shows at most so many; system admins of more than that search by the URL's organisation. */
const MAX_ORGANIZATIONS = 500;

/** @param leave goes to another site's address. */
export function createSession(api: () => Api, leave: (address: string) => void): Session {
  const state = createStore<SessionState>({ kind: 'unknown' });

  async function enter(me: Me): Promise<void> {
    // Neither may read anything before it has done what it must.
    const organizations = isHeldUp(me)
      ? []
      : (await api().call('organizations.list', { query: { page_size: MAX_ORGANIZATIONS } })).items;
    state.set({ kind: 'in', me, organizations });
  }

  return {
    ...state,
    async refresh() {
      try {
        await enter(await api().call('auth.me'));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        state.set(error.status === 401 ? { kind: 'out' } : { kind: 'failed', error });
      }
    },
    async login(credentials) {
      const me = await api().call('auth.login', { body: credentials });
      // The list needs no CSRF token, so the state may follow it.
      await enter(me);
    },
    async logout() {
      const { logout_url } = await api().call('oidc.logout');
      state.set({ kind: 'out' });
      // Signed in by the identity provider: its own session goes on until the person ends it there.
      if (logout_url !== null) leave(logout_url);
    },
    ended() {
      if (state.get().kind !== 'unknown') state.set({ kind: 'out' });
    },
    csrfToken() {
      const current = state.get();
      return current.kind === 'in' ? current.me.csrf_token : null;
    },
  };
}

/** Whether the person must do something about the own account before anything else is open. Pure. */
const isHeldUp = (me: Me): boolean =>
  me.must_change_password || (me.must_enroll_second_factor && me.is_system_admin);

/** May the person do this in that organisation; with null, in any? Mirrors what the server enforces. Pure. */
export function allows(state: SessionState, action: Action, organizationId: string | null): boolean {
  if (state.kind !== 'in') return false;
  if (state.me.actions.includes(action)) return true;
  return state.me.memberships.some(
    (membership) =>
      (organizationId === null || membership.organization_id === organizationId) &&
      membership.actions.includes(action),
  );
}

/** The organisations in which the person may do this. Pure. */
export function organizationsAllowing(state: SessionState, action: Action): readonly OrganizationView[] {
  if (state.kind !== 'in') return [];
  return state.organizations.filter((organization) => allows(state, action, organization.id));
}
