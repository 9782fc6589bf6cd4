/** Notices at the edge of the screen, in one live region that is always there. */
import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Notice } from '../state/notices.ts';
import { icon } from './icons.ts';

const LOOKS = {
  success: { tone: 'good', icon: 'check' },
  danger: { tone: 'bad', icon: 'alert' },
  info: { tone: 'info', icon: 'info' },
} as const;

export const toasts = (notices: readonly Notice[], dismiss: (id: number) => void): TemplateResult => html`
  <div class="toasts" role="log" aria-live="polite" aria-label="Notices">
    ${repeat(
      notices,
      (notice) => notice.id,
      (notice) => html`
        <div class="toast tone-${LOOKS[notice.tone].tone}">
          ${icon(LOOKS[notice.tone].icon)}
          <p>${notice.text}</p>
          <button type="button" class="icon-button" aria-label="Dismiss" @click=${() => dismiss(notice.id)}>${icon('cross')}</button>
        </div>`,
    )}
  </div>`;
