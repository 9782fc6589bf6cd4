/** Keyset pagination: an opaque cursor holds sort key and id of the last row seen, so inserts shift nothing. */
import { createHash } from 'node:crypto';
import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import type { Page, PageRequest } from './contracts/page.ts';
import { StoreError } from './store-error.ts';

/** Above the API's own limit; only here so that no caller can ask for everything. */
const MAX_LIMIT = 1000;

/** How a key travels in the cursor: as text that keeps its full precision (a Date would lose microseconds). */
const KINDS = {
  text: {
    valid: /^[\s\S]{0,1000}$/,
    toText: (key: SQLWrapper) => sql`${key}`,
    fromText: (text: string) => sql`${text}::text`,
  },
  time: {
    valid: /^-?\d{1,17}$/,
    toText: (key: SQLWrapper) => sql`(extract(epoch from ${key}) * 1000000)::bigint`,
    fromText: (text: string) => sql`(timestamptz 'epoch' + ${text}::bigint * interval '1 microsecond')`,
  },
  uuid: {
    valid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    toText: (key: SQLWrapper) => sql`${key}`,
    fromText: (text: string) => sql`${text}::uuid`,
  },
  number: {
    valid: /^\d{1,18}$/,
    toText: (key: SQLWrapper) => sql`${key}`,
    fromText: (text: string) => sql`${text}::bigint`,
  },
} as const;

export interface KeyPart {
  /** Never null. */
  readonly key: SQLWrapper;
  readonly kind: keyof typeof KINDS;
}

export interface Keyset {
  /** Sort key first, then what breaks ties; together unique. */
  readonly parts: readonly KeyPart[];
  readonly descending: boolean;
  /** List, sort and filter: a cursor is good for these alone. */
  readonly boundTo: readonly unknown[];
}

export interface OpenPage {
  /** Condition on the rows after the cursor. */
  readonly after: SQL | undefined;
  readonly orderBy: SQL[];
  /** One row more than asked for tells whether there is a next page. */
  readonly limit: number;
  readonly offset: number;
  /** To be selected as `cursorKeys`. */
  readonly cursorKeys: SQL<string[]>;
  close<R extends { cursorKeys: string[] }, T>(
    rows: readonly R[],
    total: number,
    toItem: (row: R) => T,
  ): Page<T>;
}

/** @throws StoreError 'cursor_invalid' for a cursor of another list, sort or filter, or none of ours. */
export function openPage(keyset: Keyset, page: PageRequest): OpenPage {
  const mark = createHash('sha256')
    .update(JSON.stringify(keyset.boundTo.map(inOrder)))
    .digest('base64url')
    .slice(0, 16);
  const limit = Math.max(1, Math.min(page.limit, MAX_LIMIT));
  const direction = sql.raw(keyset.descending ? 'DESC' : 'ASC');
  const keyTexts = keyset.parts.map(({ key, kind }) => sql`${KINDS[kind].toText(key)}::text`);
  return {
    after: page.cursor === undefined ? undefined : afterCursor(keyset, mark, page.cursor),
    orderBy: keyset.parts.map(({ key }) => sql`${key} ${direction}`),
    limit: limit + 1,
    offset: page.cursor === undefined ? (page.offset ?? 0) : 0,
    cursorKeys: sql<string[]>`ARRAY[${sql.join(keyTexts, sql`, `)}]`,
    close(rows, total, toItem) {
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      const more = rows.length > limit && last !== undefined;
      return {
        items: shown.map(toItem),
        total,
        nextCursor: more ? encode([mark, ...last.cursorKeys]) : null,
      };
    },
  };
}

function afterCursor({ parts, descending }: Keyset, mark: string, cursor: string): SQL {
  const [cursorMark, ...texts] = decode(cursor);
  const fits =
    cursorMark === mark &&
    texts.length === parts.length &&
    parts.every(
      ({ kind }, index) => KINDS[kind].valid.test(texts[index] ?? '') && !texts[index]?.includes('\0'),
    );
  if (!fits) throw new StoreError('cursor_invalid', 'the cursor does not belong to this list');
  const keys = sql.join(
    parts.map(({ key }) => sql`${key}`),
    sql`, `,
  );
  const values = sql.join(
    parts.map(({ kind }, index) => KINDS[kind].fromText(texts[index] ?? '')),
    sql`, `,
  );
  return sql`(${keys}) ${sql.raw(descending ? '<' : '>')} (${values})`;
}

/** Organisations may be named in another order with the next page. */
const inOrder = (part: unknown): unknown => (Array.isArray(part) ? part.toSorted() : part);

const encode = (parts: readonly string[]): string => Buffer.from(JSON.stringify(parts)).toString('base64url');

/** Empty for anything that is not an array of texts. */
function decode(cursor: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    throw new StoreError('cursor_invalid', 'the cursor is not one of ours', { cause: error });
  }
  return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : [];
}
