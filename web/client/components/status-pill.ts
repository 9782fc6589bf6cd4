/** A status as icon and word on a tinted ground. */
import { html, type TemplateResult } from 'lit';
import type { StatusLook } from '../format/status.ts';
import { icon } from './icons.ts';

export const statusPill = (look: StatusLook): TemplateResult =>
  html`<span class="pill tone-${look.tone}" title=${look.meaning}>${icon(look.icon)}${look.label}</span>`;
