/** What the fixture says of a person's own second factor, sessions and keys, and of service accounts. */
import type { ApiKeyView, CreateApiKeyReply, RouteName, ServiceAccountView, SessionView } from '#web-api';
import * as access from './console-access-data.ts';
import * as data from './console-data.ts';

interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}
type Answer = { readonly status: number; readonly body?: unknown };
type Answers = Partial<Record<RouteName, (call: Call) => Answer>>;

/** What is stored of credentials; a test may change it between requests. */
export interface CredentialState {
  sessions: SessionView[];
  keys: ApiKeyView[];
  accounts: ServiceAccountView[];
  hasSecondFactor: boolean;
}
export const credentialState = (nowMs: number): CredentialState => ({
  sessions: access.sessions(nowMs),
  keys: access.apiKeys(nowMs),
  accounts: access.serviceAccounts(nowMs),
  hasSecondFactor: false,
});

/** Made up: no key of any installation. */
export const SHOWN_KEY = 'ock_2b7f_made-up-for-a-screen';
export const FACTOR_SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const FACTOR_CODE = '246810';
const RECOVERY_CODES = Array.from({ length: 10 }, (_, index) => `made-up-code-${index}`);

const ok = (body: unknown, status = 200): Answer => ({ status, body });
const pageOf = (items: readonly unknown[]): Answer => ok({ items, total: items.length, next_cursor: null });

export function credentialAnswers(state: CredentialState, nowMs: number): Answers {
  const createKey = ({ body }: Call): Answer => {
    const made: ApiKeyView = {
      id: data.uuidOf(11, state.keys.length + 1),
      name: String(body.name),
      prefix: SHOWN_KEY.slice(0, 8),
      scopes: Array.isArray(body.scopes) ? body.scopes.map(String) : [],
      state: 'live',
      created_at: data.iso(nowMs),
      created_by: 'ada@acme.example',
      expires_at: data.iso(nowMs + Number(body.expires_in_days) * 86_400_000),
      last_used_at: null,
      last_used_ip: null,
    };
    state.keys = [made, ...state.keys];
    return ok({ ...made, key: SHOWN_KEY } satisfies CreateApiKeyReply, 201);
  };
  const revokeKey = ({ params }: Call): Answer => {
    state.keys = state.keys.map((key) => (key.id === params.key_id ? { ...key, state: 'revoked' } : key));
    return { status: 204 };
  };
  return {
    ...secondFactorAnswers(state, nowMs),
    'sessions.list': () => pageOf(state.sessions),
    'sessions.end': ({ params }) => {
      state.sessions = state.sessions.filter(({ id }) => id !== params.session_id);
      return { status: 204 };
    },
    'sessions.end_others': () => {
      const ended = state.sessions.filter((session) => !session.is_current).length;
      state.sessions = state.sessions.filter((session) => session.is_current);
      return ok({ ended });
    },
    'api_keys.list': () => pageOf(state.keys),
    'api_keys.create': createKey,
    'api_keys.revoke': revokeKey,
    'service_accounts.list': () => pageOf(state.accounts),
    'service_account_keys.list': () => pageOf(state.keys.slice(0, 1)),
    'service_account_keys.create': createKey,
    'service_account_keys.revoke': revokeKey,
  };
}

function secondFactorAnswers(state: CredentialState, nowMs: number): Answers {
  return {
    'second_factor.get': () =>
      ok({
        enabled: state.hasSecondFactor,
        enabled_at: state.hasSecondFactor ? data.iso(nowMs) : null,
        recovery_codes_left: state.hasSecondFactor ? RECOVERY_CODES.length : 0,
      }),
    'second_factor.begin': () =>
      ok({
        secret: FACTOR_SECRET,
        otpauth_uri: `otpauth://totp/Ops-Center%20Edge:ada@acme.example?secret=${FACTOR_SECRET}&issuer=Ops-Center%20Edge`,
      }),
    'second_factor.confirm': ({ body }) => {
      if (body.code !== FACTOR_CODE) {
        const title = 'The code is wrong';
        const errors = [{ path: 'code', message: 'is not the one of now' }];
        return ok(
          { type: 'x', title, status: 422, code: 'auth.code_wrong', instance: 'req-fixture', errors },
          422,
        );
      }
      state.hasSecondFactor = true;
      return ok({ recovery_codes: RECOVERY_CODES });
    },
    'second_factor.disable': () => {
      state.hasSecondFactor = false;
      return { status: 204 };
    },
  };
}
