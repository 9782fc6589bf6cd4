/** A destructive act asks for the name of its object. Dumb. */
import { html, type TemplateResult } from 'lit';
import { describedBy, field } from './form.ts';

/** `onType` gets the text without blanks at its ends. */
export const typedNameField = (name: string, onType: (typed: string) => void): TemplateResult =>
  field({
    id: 'typed-name',
    label: `Type “${name}” to confirm`,
    control: html`<input class="input" id="typed-name" autocomplete="off" spellcheck="false" autofocus aria-describedby=${describedBy('typed-name')} @input=${(event: Event) => onType(event.target instanceof HTMLInputElement ? event.target.value.trim() : '')} />`,
  });
