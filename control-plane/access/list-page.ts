/** Between the contract's pagination and the stores'. Pure. */
import type { Page, PageRequest } from '#db';
import { MAX_PAGE_SIZE } from '#web-api';
import { AppError } from '../errors.ts';
import type { Listed } from '../use-cases.ts';

const DEFAULT_PAGE_SIZE = 50;

interface PageQuery {
  readonly page?: number;
  readonly page_size?: number;
  readonly cursor?: string;
}

/** @throws AppError 'request.invalid' for a page number together with a cursor. */
export function toPageRequest(query: PageQuery): PageRequest {
  const limit = Math.min(query.page_size ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  if (query.page !== undefined && query.cursor !== undefined) {
    throw new AppError('request.invalid', {
      errors: [{ path: 'page', message: 'give either page or cursor' }],
    });
  }
  if (query.cursor !== undefined) return { limit, cursor: query.cursor };
  return query.page === undefined ? { limit } : { limit, offset: (query.page - 1) * limit };
}

export const toListed = <T, V>(page: Page<T>, view: (item: T) => V): Listed<V> => ({
  items: page.items.map(view),
  total: page.total,
  next_cursor: page.nextCursor,
});
