/** One row of the audit log, opened: facts, difference, place in the chain. Dumb templates. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AuditView } from '#web-api';
import { icon } from '../components/icons.ts';
import { type AuditChange, auditChanges, otherDetail } from '../format/audit-change.ts';
import { visibleText } from '../logs/log-text.ts';
import { PAGES } from '../state/addresses.ts';

export const auditEntryPath = (id: string): string => `${PAGES.audit}?entry=${id}`;

export function auditEntry(entry: AuditView, organization: string): TemplateResult {
  const changes = auditChanges(entry.before, entry.after);
  const others = otherDetail(entry.detail);
  return html`
    <div class="audit-entry">
      <dl class="facts">
        <dt>Organisation</dt><dd>${organization}</dd>
        <dt>Address</dt><dd class="mono">${entry.ip_address ?? '–'}</dd>
        ${entry.user_agent === null ? nothing : html`<dt>Program</dt><dd>${visibleText(entry.user_agent)}</dd>`}
        ${entry.request_id === null ? nothing : html`<dt>Request</dt><dd class="mono">${visibleText(entry.request_id)}</dd>`}
        ${entry.error_code === null ? nothing : html`<dt>Reason</dt><dd class="mono">${visibleText(entry.error_code)}</dd>`}
        ${entry.repeats === 1 ? nothing : html`<dt>Times</dt><dd>${entry.repeats.toLocaleString()} refusals in one minute</dd>`}
        <dt>Entry</dt><dd><a class="mono" href=${auditEntryPath(entry.id)}>${entry.id}</a></dd>
        <dt>Chain</dt><dd class="mono audit-hash" title=${entry.hash}>${entry.chain_position} · ${entry.hash.slice(0, 16)}…</dd>
      </dl>
      ${changes.length === 0 ? nothing : changeTable(changes)}
      ${Object.keys(others).length === 0 ? nothing : html`<pre tabindex="0" role="group" aria-label="Detail">${visibleText(JSON.stringify(others, null, 2))}</pre>`}
    </div>`;
}

const changeTable = (changes: readonly AuditChange[]): TemplateResult => html`
  <table class="audit-changes" aria-label="What changed">
    <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
    <tbody>${changes.map(
      (change) => html`<tr>
        <th scope="row" class="mono">${visibleText(change.field)}</th>
        <td>${change.isMasked ? masked : side(change.before, 'del')}</td>
        <td>${change.isMasked ? masked : side(change.after, 'ins')}</td>
      </tr>`,
    )}</tbody>
  </table>`;

const masked = html`<span class="audit-masked">${icon('ban')}not kept</span>`;

function side(text: string | null, mark: 'del' | 'ins'): TemplateResult {
  if (text === null) return html`<span class="quiet">–</span>`;
  const shown = visibleText(text);
  return mark === 'del' ? html`<del>${shown}</del>` : html`<ins>${shown}</ins>`;
}
