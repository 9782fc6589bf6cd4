/** Text to copy: shown whole, with a button that says that it worked. */
import { html, LitElement, type PropertyDeclarations } from 'lit';
import { copyText } from './clipboard.ts';
import { icon } from './icons.ts';

const SAID_MS = 2000;

export class CopyField extends LitElement {
  static override properties: PropertyDeclarations = {
    text: {},
    label: {},
    isSecret: { attribute: 'secret', type: Boolean },
    _said: { state: true },
  };
  declare text: string;
  declare label: string;
  declare isSecret: boolean;
  declare _said: 'nothing' | 'copied' | 'failed';

  constructor() {
    super();
    this.text = '';
    this.label = '';
    this.isSecret = false;
    this._said = 'nothing';
  }

  protected override createRenderRoot() {
    return this;
  }

  override render() {
    const said = { nothing: 'Copy', copied: 'Copied', failed: 'Select and copy' }[this._said];
    return html`
      <div class="copy-field">
        <pre tabindex="0" role="group" aria-label=${this.label}>${this.text}</pre>
        <button type="button" class="button small" @click=${this._copy} aria-label="${said}: ${this.label}">
          ${icon(this._said === 'copied' ? 'check' : 'copy')}<span aria-live="polite">${said}</span>
        </button>
      </div>`;
  }

  private async _copy() {
    this._said = (await copyText(this.text)) ? 'copied' : 'failed';
    if (this._said === 'failed') this._select();
    setTimeout(() => {
      this._said = 'nothing';
    }, SAID_MS);
  }

  private _select() {
    const shown = this.querySelector('pre');
    if (shown !== null) getSelection()?.selectAllChildren(shown);
  }
}

customElements.define('oc-copy-field', CopyField);
declare global {
  interface HTMLElementTagNameMap {
    'oc-copy-field': CopyField;
  }
}
