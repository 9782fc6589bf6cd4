/** One typed call over every route of the HTTP contract. */
import { type BodyOf, type ParamsOf, type QueryOf, type ResponseOf, ROUTES, type RouteName } from '#web-api';
import { ApiError, readProblem, unreachable } from './api-error.ts';

type Given<K extends string, T> = [T] extends [undefined]
  ? { readonly [P in K]?: undefined }
  : { readonly [P in K]: T };
/** Queries have optional fields only, so they may be left out whole. */
type Asked<T> = [T] extends [undefined] ? { readonly query?: undefined } : { readonly query?: T };

export type CallInput<N extends RouteName> = Given<'params', ParamsOf<N>> &
  Asked<QueryOf<N>> &
  Given<'body', BodyOf<N>> & { readonly signal?: AbortSignal };

export interface Api {
  /** @throws ApiError; an aborted `signal` rejects with its reason instead. */
  call<N extends RouteName>(
    route: N,
    ...input: Record<never, never> extends CallInput<N> ? [CallInput<N>?] : [CallInput<N>]
  ): Promise<ResponseOf<N>>;
}

export interface ApiDependencies {
  readonly fetch: typeof globalThis.fetch;
  readonly csrfToken: () => string | null;
  /** Called for each answer that says the session is over. */
  readonly onSignedOut: () => void;
  /** Called when a request got no answer, and when one got an answer again. */
  readonly onReachable: (reachable: boolean) => void;
}

interface LooseInput {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** What is wrong with what was typed, not with the session. */
const ASKS_AGAIN: ReadonlySet<string> = new Set([
  'auth.invalid_credentials',
  'auth.totp_required',
  'auth.code_invalid',
]);

export function createApi(dependencies: ApiDependencies): Api {
  async function call(name: RouteName, input: LooseInput = {}) {
    const route = ROUTES[name];
    const response = await send(dependencies, route.method, addressOf(route.path, input), input);
    const body = await readJson(response);
    if (response.ok) return body;
    const problem = readProblem(response.status, body, response.headers.get('retry-after'));
    // A wrong password or code is a 401 too, and ends nothing.
    if (problem.status === 401 && !ASKS_AGAIN.has(problem.code)) dependencies.onSignedOut();
    throw problem;
  }
  return { call };
}

async function send(
  dependencies: ApiDependencies,
  method: string,
  address: string,
  input: LooseInput,
): Promise<Response> {
  const headers = new Headers({ accept: 'application/json' });
  const csrfToken = dependencies.csrfToken();
  if (method !== 'GET' && csrfToken !== null) headers.set('x-csrf-token', csrfToken);
  if (input.body !== undefined) headers.set('content-type', 'application/json');
  try {
    const response = await dependencies.fetch(address, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
    dependencies.onReachable(true);
    return response;
  } catch (error) {
    if (input.signal?.aborted) throw input.signal.reason;
    dependencies.onReachable(false);
    throw unreachable(error);
  }
}

/** The answer is of the release that served this script, so it is trusted as the contract's type from here on. */
async function readJson(response: Response) {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!response.ok) return undefined;
    throw new ApiError({
      code: 'network.unreadable',
      status: response.status,
      message: 'The server’s answer could not be read.',
      cause,
    });
  }
}

/** Path with its parameters, and the query without empty fields. */
export function addressOf(path: string, input: Pick<LooseInput, 'params' | 'query'>): string {
  const filled = path.replaceAll(/:([a-z_]+)/g, (_, key: string) => {
    const value = fieldsOf(input.params).get(key);
    if (value === undefined) throw new RangeError(`${path} needs ${key}`);
    return encodeURIComponent(String(value));
  });
  const query = new URLSearchParams();
  for (const [key, value] of fieldsOf(input.query)) {
    if (value !== undefined && value !== null && value !== '') query.set(key, String(value));
  }
  return query.size === 0 ? filled : `${filled}?${query}`;
}

const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : []);
