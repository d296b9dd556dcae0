//! How a page looks: in light and in dark, wide and narrow, and on paper.

pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2127;--faint:#5b6570;--line:#d9dee3;--soft:#f4f6f8;
--good:#176639;--good-soft:#dcf3e4;--warning:#7a4b00;--warning-soft:#fdeecb;--bad:#a3161f;--bad-soft:#fbe0e0}
@media(prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e4e8ec;--faint:#9aa5b0;--line:#2f3740;--soft:#1c2228;
--good:#74d69b;--good-soft:#143524;--warning:#f0c05a;--warning-soft:#3a2c0a;--bad:#ff9a94;--bad-soft:#451a1c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem;max-width:84rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
h2{margin:2.25rem 0 .75rem;font-size:1.125rem}
h3{margin:0;font-size:1rem;overflow-wrap:anywhere}
.answer{display:inline-block;margin:0;padding:.375rem .875rem;border-radius:.5rem;font-size:1.125rem;font-weight:600}
.lead{margin:.75rem 0 0;color:var(--faint);overflow-wrap:anywhere}
.good{color:var(--good);background:var(--good-soft)}
.warning{color:var(--warning);background:var(--warning-soft)}
.bad{color:var(--bad);background:var(--bad-soft)}
.plain{color:var(--ink);background:var(--soft)}
.badge{display:inline-block;padding:0 .5rem;border-radius:1rem;font-size:.8125rem;font-weight:600;white-space:nowrap}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:.5rem}
table{width:100%;border-collapse:collapse;font-size:.875rem}
th{padding:.5rem .75rem;background:var(--soft);color:var(--faint);font-weight:600;text-align:left;white-space:nowrap}
td{padding:.5rem .75rem;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
.list td{min-width:6rem}
code{font:.8125rem/1.5 ui-monospace,'SF Mono',Menlo,Consolas,monospace;overflow-wrap:anywhere}
.time,.whole{white-space:nowrap}
.bar{display:inline-block;width:6rem;height:.5rem;margin-right:.625rem;border-radius:.25rem;background:var(--line);overflow:hidden;vertical-align:middle}
.bar span{display:block;height:100%}
.bar .good{background:var(--good)}.bar .warning{background:var(--warning)}.bar .bad{background:var(--bad)}.bar .plain{background:var(--faint)}
.scroll:has(.grid){width:fit-content;max-width:100%}.grid{width:auto}.grid th,.grid td{padding:.25rem .625rem;text-align:center;white-space:nowrap;border-top:0}
.grid td:first-child{text-align:left;color:var(--faint)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0;font-size:.9375rem}
dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}
article{margin:0 0 .75rem;padding:.75rem 1rem;border-left:.25rem solid var(--line);border-radius:.25rem;background:var(--soft);color:var(--ink)}
article.good,article.warning,article.bad{background:var(--soft);color:var(--ink)}
article.good{border-color:var(--good)}article.warning{border-color:var(--warning)}article.bad{border-color:var(--bad)}
article dl{margin-top:.5rem}
footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--faint);font-size:.8125rem}
@media(max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
@media print{body{padding:0}.scroll{border:0;overflow:visible}tr{break-inside:avoid}}
";
