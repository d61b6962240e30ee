/** The style sheet of `report.html`. Charts are drawn for white paper: in the dark they are inverted, hues kept. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --ink: #1f2937; --muted: #5b6472; --line: #e2e5ea; --paper: #ffffff; --page: #f5f6f8;
  --accent: #1d4ed8; --heat: 37 99 235; --bad: #b91c1c; --bar: #2563eb; --bar-true: #d97706;
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font-family: Inter, "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 16px;
}
main, header, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .5rem; }
p { margin: .4rem 0; max-width: 62rem; }
.quiet, figcaption, caption, footer { color: var(--muted); font-size: .9rem; }
a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0; font-size: .95rem; }
section {
  background: var(--paper); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.1rem 1.25rem; margin: 1rem 0;
}
.sections { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
.sections section { margin: 0; min-width: 0; }
@media (min-width: 70rem) {
  .sections { grid-template-columns: minmax(0, 1.3fr) minmax(0, 1fr); }
  #training, #robustness, #wrong, #attention { grid-column: 1 / -1; }
  #calibration:not(:has(+ #batch)) { grid-column: 1 / -1; }
}
.beside { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: center; }
.beside > * { min-width: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 1rem 0 0; }
.figures div { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; }
.figures dt { color: var(--muted); font-size: .85rem; }
.figures dd { margin: 0; }
.figures dd:first-of-type { font-size: 1.6rem; font-weight: 700; line-height: 1.3; }
.figures dd + dd { color: var(--muted); font-size: .85rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; }
.facts dt { color: var(--muted); }
.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
figure { margin: 0; }
.panels { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start; overflow-x: auto; }
.panels svg { max-width: 100%; height: auto; fill: #1f2937; flex: 0 1 auto; }
#training .panels svg { flex: 1 1 20rem; max-width: 27.5rem; }
.panels.wide svg { min-width: min(33rem, 160vw); }
details { margin-top: .75rem; }
summary { cursor: pointer; color: var(--accent); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .5rem 0; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; }
th { font-weight: 600; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.inflated { color: var(--bad); }
.wrong { list-style: none; margin: .75rem 0 0; padding: 0; display: grid; gap: .9rem 1.1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
.wrong li { display: grid; grid-template-columns: 5rem 1fr; gap: .1rem .8rem; align-content: start; min-width: 0; }
.wrong img { width: 5rem; height: 5rem; border-radius: .4rem; grid-row: span 2; display: block; }
.wrong p { margin: 0; line-height: 1.35; }
.file { color: var(--muted); font-size: .78rem; overflow-wrap: anywhere; line-height: 1.3; grid-column: 1 / -1; }
.bars { display: grid; grid-template-columns: max-content 1fr 3.2rem; gap: .05rem .5rem; align-items: center; font-size: .82rem; margin: .2rem 0 0; }
.bars i { height: .55rem; border-radius: 2px; background: var(--bar); min-width: 1px; }
.bars i.true { background: var(--bar-true); }
.bars b { font-weight: 600; }
.bars span:nth-child(3n) { text-align: right; font-variant-numeric: tabular-nums; }
.attention { display: grid; grid-template-columns: minmax(0, 1.7fr) minmax(min(100%, 17rem), 1fr); gap: 1.25rem; align-items: start; }
select { font: inherit; padding: .2rem .4rem; color: inherit; background: var(--paper); border: 1px solid var(--muted); border-radius: .3rem; }
.heat { table-layout: fixed; width: 100%; max-width: 46rem; margin: .5rem 0; border-spacing: 1px; border-collapse: separate; }
.heat th, .heat td { padding: 0; border: 0; text-align: center; }
.heat td { aspect-ratio: 1; font-size: .68rem; background: rgb(var(--heat) / var(--w, 0)); border-radius: 2px; }
.heat td.strong { color: #fff; }
.heat td.none { color: color-mix(in srgb, var(--muted) 55%, transparent); }
.heat thead td { background: none; font-size: .72rem; color: var(--muted); }
.heat img { width: 100%; max-width: 2.6rem; display: block; margin: 0 auto; border-radius: 3px; }
.heat .missed img, .shares .missed { outline: 2px dashed var(--bad); outline-offset: -2px; }
.heat button { all: unset; display: block; width: 100%; cursor: pointer; border-radius: 3px; }
.heat button:focus-visible, select:focus-visible, summary:focus-visible, a:focus-visible, .scroll:focus-visible, .panels:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
.heat tr.chosen td, .heat tr.chosen button { box-shadow: 0 -2px 0 var(--ink), 0 2px 0 var(--ink); border-radius: 0; }
.heat tbody tr { cursor: pointer; }
.scale { display: flex; align-items: center; gap: .5rem; font-size: .82rem; color: var(--muted); }
.scale i { height: .7rem; width: 8rem; border-radius: 2px; background: linear-gradient(to right, rgb(var(--heat) / 0), rgb(var(--heat))); border: 1px solid var(--line); }
.shares { list-style: none; padding: 0; margin: .5rem 0; display: grid; gap: .35rem; }
.shares li { display: grid; grid-template-columns: 2.4rem 1fr 3.4rem; gap: .6rem; align-items: center; font-size: .85rem; line-height: 1.25; }
.shares img { width: 2.4rem; height: 2.4rem; border-radius: 3px; display: block; }
.shares i { display: block; height: .5rem; border-radius: 2px; background: rgb(var(--heat)); min-width: 1px; }
.shares b { text-align: right; font-variant-numeric: tabular-nums; }
footer { padding-bottom: 3rem; }
@media (max-width: 48rem) {
  body { font-size: 15px; }
  main, header, footer { padding-left: .75rem; padding-right: .75rem; }
  section { padding: .9rem .8rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .4rem; }
  .attention { grid-template-columns: minmax(0, 1fr); }
  .heat td { font-size: 0; }
  th, td { padding: .25rem .45rem; }
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ee; --muted: #a3abb8; --line: #333a45; --paper: #191c21; --page: #101216;
    --accent: #93b4ff; --heat: 96 141 255; --bad: #ff8f85; --bar: #6f9bff; --bar-true: #f0a03c;
  }
  .panels svg { filter: invert(.9) hue-rotate(180deg); }
  .heat td.strong { color: #0b0d10; }
}
@media print {
  :root { color-scheme: light; }
  body { background: #fff; font-size: 10pt; }
  section, .figures div { border: 0; padding: 0; }
  figure, table, .scroll, .attention { break-inside: avoid; }
  h2 { break-after: avoid; }
  nav, p:has(> select), details:not([open]) { display: none; }
  .heat td { font-size: .55rem; }
  .sections { display: block; }
  .wrong li, .shares li, tr { break-inside: avoid; }
  .heat { max-width: 30rem; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
