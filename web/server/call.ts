/** What a handler gets and gives, by the name of its row. */
import type { Origin } from '#control-plane';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf, ROUTES, RouteName } from '#web-api';
import type { CallerOf } from './authenticate.ts';

/** Sets and takes back the session's cookie. */
export interface SessionCookie {
  set(token: string, expiresAt: Date): void;
  clear(): void;
}

/** Checked by the row's schemas and authentication before the handler runs. */
export interface Call<N extends RouteName> {
  readonly params: ParamsOf<N>;
  readonly query: QueryOf<N>;
  readonly body: BodyOf<N>;
  readonly caller: CallerOf<(typeof ROUTES)[N]['auth']>;
  readonly origin: Origin;
  readonly session: SessionCookie;
}

/** Rows that answer with JSON or with nothing; the others (`produces`) write their answer themselves. */
export type JsonRouteName = {
  [N in RouteName]: (typeof ROUTES)[N] extends { produces: string } ? never : N;
}[RouteName];
export type StreamRouteName = Exclude<RouteName, JsonRouteName>;

type Answer<N extends RouteName> = ResponseOf<N> extends undefined ? Promise<void> : Promise<ResponseOf<N>>;

/** One handler for each row; a missing or surplus one does not type-check. */
export type Handlers = { readonly [N in JsonRouteName]: (call: Call<N>) => Answer<N> };
