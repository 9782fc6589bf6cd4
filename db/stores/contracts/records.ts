/** Stores of the audit log and of what the broker refused. */
import type { RefusalReport } from '#contract';
import type { Page, PageRequest } from './page.ts';

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly orgId: string | null;
  /** `person:{email}`, `device:{id}`, `token:{prefix}` or `system`. */
  readonly actor: string;
  readonly ipAddress: string | null;
  readonly action: string;
  readonly object: string;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly detail: unknown;
}
export interface AuditStore {
  append(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<void>;
  list(
    orgId: string | null | readonly string[],
    filter: { object?: string },
    page: PageRequest,
  ): Promise<Page<AuditEntry>>;
}

export interface RefusalStore {
  append(report: RefusalReport, at: Date): Promise<void>;
  list(
    orgId: string | null | readonly string[],
    filter: { deviceId?: string },
    page: PageRequest,
  ): Promise<Page<{ at: Date; deviceId: string | null; reason: string; detail: string; count: number }>>;
  deleteBefore(before: Date): Promise<number>;
}
