/** The audit log as the web server uses it. */
import type { AuditCheckpointPage, AuditProofPage, AuditView, QueryOf, RouteName } from '#web-api';
import type { ErrorCode } from './errors.ts';
import type { Listed, Person } from './use-cases.ts';

/** A line of the NDJSON file: every field that the hash is made of, and the hash. */
export interface AuditExportRow {
  readonly [field: string]: unknown;
  readonly detail: unknown;
  readonly before: unknown;
  readonly after: unknown;
}

export interface AuditUseCases {
  list(person: Person, query: QueryOf<'audit.list'>): Promise<Listed<AuditView>>;
  /** @throws 'audit.not_found' */
  get(person: Person, entryId: string): Promise<AuditView>;
  /** Leaves a row itself. @throws 'rate.limited' with the first row where too many run */
  export(person: Person, query: QueryOf<'audit.export'>): Promise<AsyncIterable<AuditExportRow>>;
  /** @throws 'request.cursor_invalid' */
  verify(person: Person, query: QueryOf<'audit.verify'>): Promise<AuditProofPage>;
  checkpoints(person: Person, query: QueryOf<'audit.checkpoints'>): Promise<AuditCheckpointPage>;
  /** A write of a known caller that never reached its use case: what it sent was not valid, or could not be its own. */
  refuse(
    person: Person,
    attempt: { readonly route: RouteName; readonly object: string; readonly code: ErrorCode },
  ): Promise<void>;
}
