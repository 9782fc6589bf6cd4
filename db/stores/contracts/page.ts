/** Pages of every list: by cursor, or by an offset for callers with page numbers. */

export interface PageRequest {
  readonly limit: number;
  /** Rows to skip, where the caller gave a page number. */
  readonly offset?: number;
  /** Opaque to the caller; the store's own key of the last row seen. @throws StoreError 'cursor_invalid' */
  readonly cursor?: string;
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly nextCursor: string | null;
}
