/** An instant as relative text, the exact one on hover and for machines. */
import { html, type TemplateResult } from 'lit';
import { dateTime, relativeTime } from '../format/time.ts';

export const ago = (iso: string | null, nowMs: number, absent = 'Never'): TemplateResult =>
  iso === null
    ? html`<span class="quiet">${absent}</span>`
    : html`<time datetime=${iso} title=${dateTime(iso)}>${relativeTime(iso, nowMs)}</time>`;
