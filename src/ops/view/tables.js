for (const section of document.querySelectorAll('section')) {
  const tables = [...section.querySelectorAll('table.list')];
  const rows = tables.flatMap(table => [...table.tBodies[0].rows]);
  if (rows.length < 2) continue;
  const input = Object.assign(document.createElement('input'),
    {type: 'search', className: 'filter', placeholder: 'Filter'});
  input.setAttribute('aria-label', 'Filter rows');
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
    for (const more of section.querySelectorAll('details')) more.open = input.value !== '';
  });
  section.querySelector('h2').after(input);
  const heads = tables.map(table => [...table.tHead.rows[0].cells]);
  heads[0].forEach((_, column) => heads.forEach(row => {
    const head = row[column];
    head.setAttribute('aria-sort', 'none');
    head.addEventListener('click', () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads.flat()) other.setAttribute('aria-sort', 'none');
      for (const each of heads) each[column].setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const order = new Intl.Collator(undefined, {numeric: true});
      for (const table of tables) {
        const sorted = [...table.tBodies[0].rows].sort((a, b) => order.compare(key(a), key(b)));
        table.tBodies[0].append(...(descending ? sorted.reverse() : sorted));
      }
    });
  }));
}
