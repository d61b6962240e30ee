import { describe, expect, it } from 'vitest';
import { html, jsonScript, visible } from '../../../src/node/report/html.js';

describe('html', () => {
  it('escapes text, in text and in attributes, and leaves markup', () => {
    const name = `"><script>alert('1')</script>&amp;`;
    expect(html`<p title="${name}">${name}${html`<b>${3}</b>`}${undefined}</p>`.markup).toBe(
      '<p title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;<b>3</b></p>',
    );
  });

  it('joins lists, of lists too', () => {
    expect(html`${['<', [html`<i>`, 1]]}`.markup).toBe('&lt;<i>1');
  });
});

describe('visible', () => {
  it('marks what nobody sees', () => {
    expect(visible('photo\u202egpj.exe\n\u0007\ud800é😀')).toBe(
      'photo\ufffdgpj.exe\ufffd\ufffd\ufffdé😀',
    );
  });
});

describe('jsonScript', () => {
  it('holds data that cannot end it', () => {
    const data = { name: '</script><!--<script>' };
    const { markup } = jsonScript('data', data);
    const [, json] = /^<script type="application\/json" id="data">(.*)<\/script>$/.exec(markup)!;
    expect(json).not.toContain('<');
    expect(JSON.parse(json!)).toEqual(data);
  });
});
