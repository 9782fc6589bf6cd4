/** What a page shows instead of data: skeletons, nothing yet, or a failure with a way on. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ApiError } from '../data/api-error.ts';
import { type IconName, icon } from './icons.ts';

/** Grey bars in place of rows; said once to screen readers. */
export const skeletonRows = (rows: number, label: string): TemplateResult => html`
  <div class="skeleton-list" role="status" aria-label=${label}>
    ${Array.from(
      { length: rows },
      () =>
        html`<div class="skeleton-row"><span class="bar bar-a"></span><span class="bar bar-b"></span><span class="bar bar-c"></span></div>`,
    )}
  </div>`;

export const emptyState = (input: {
  icon: IconName;
  title: string;
  text: string;
  action?: TemplateResult | typeof nothing;
}): TemplateResult => html`
  <div class="state">
    <span class="state-icon">${icon(input.icon)}</span>
    <h2>${input.title}</h2>
    <p>${input.text}</p>
    ${input.action ?? nothing}
  </div>`;

export const errorState = (error: ApiError, retry: () => void): TemplateResult => html`
  <div class="state" role="alert">
    <span class="state-icon tone-bad">${icon(error.isUnreachable ? 'unlink' : 'alert')}</span>
    <h2>${headlineOf(error)}</h2>
    <p>${error.message}</p>
    ${error.requestId === null ? nothing : html`<p class="fine">Request <code>${error.requestId}</code></p>`}
    <button type="button" class="button" @click=${retry}>${icon('refresh')}Try again</button>
  </div>`;

function headlineOf(error: ApiError): string {
  if (error.isUnreachable) return 'No connection to the server';
  if (error.status === 404) return 'Not found';
  if (error.status === 403) return 'Your role does not allow this';
  return 'This could not be loaded';
}
