/** Who is signed in, and what they may do. */
import type { Action, Me, OrganizationView } from '#web-api';
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
  login(email: string, password: string): Promise<void>;
  logout(): Promise<void>;
  ended(): void;
  csrfToken(): string | null;
}

/** The switcher shows at most so many; system admins of more than that search by the URL's organisation. */
const MAX_ORGANIZATIONS = 500;

export function createSession(api: () => Api): Session {
  const state = createStore<SessionState>({ kind: 'unknown' });

  async function enter(me: Me): Promise<void> {
    const organizations = me.must_change_password
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
    async login(email, password) {
      const me = await api().call('auth.login', { body: { email, password } });
      // The list needs no CSRF token, so the state may follow it.
      await enter(me);
    },
    async logout() {
      await api().call('auth.logout');
      state.set({ kind: 'out' });
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
