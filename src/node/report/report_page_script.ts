/**
 * The script of `report.html`: fills the heat map of the class that is chosen, and says of an image that is
 * pointed at, focused or tapped what it looked at. Text is set as text, never as markup.
 */
export const reportScript = `
const { classNames, images, weights, vit, cba } = JSON.parse(document.getElementById('attention-data').textContent);
const select = document.getElementById('attention-class');
const rows = [...document.querySelectorAll('.heat tbody tr')];
const pictures = [...document.querySelectorAll('.heat tbody img')];
const shares = document.getElementById('attention-shares');
const heading = document.getElementById('attention-image');
const logits = document.getElementById('attention-logits');
const percent = (weight) => (100 * weight).toFixed(1) + '%';
const said = (i) => 'image ' + (i + 1) + ', ' + images[i].said;
const toItself = images.map((_, i) => weights[select.value][i][i]);
let chosen = toItself.indexOf(Math.min(...toItself));

function showClass() {
  const ofClass = weights[select.value];
  const most = Math.max(...ofClass.flat());
  rows.forEach((row, i) => [...row.querySelectorAll('td')].forEach((cell, j) => {
    const part = Math.sqrt(ofClass[i][j] / most);
    cell.style.setProperty('--w', part.toFixed(3));
    cell.className = part > 0.6 ? 'strong' : ofClass[i][j] < 0.005 ? 'none' : '';
    cell.textContent = Math.round(100 * ofClass[i][j]);
  }));
  document.getElementById('attention-most').textContent = percent(most);
  for (const each of document.querySelectorAll('.attention-name')) each.textContent = classNames[select.value];
  showRow(chosen);
}

function showRow(i) {
  chosen = i;
  rows.forEach((row, r) => row.classList.toggle('chosen', r === i));
  heading.textContent = said(i)[0].toUpperCase() + said(i).slice(1);
  const value = (logit) => logit.toFixed(2);
  const [alone, mixed] = [vit[i][select.value], cba[i][select.value]];
  logits.textContent = 'Logit of ' + classNames[select.value] + ': ' + value(alone) + ' alone (vit), ' +
    value(mixed) + ' by attention (cba), ' + value(alone + mixed) + ' in sum (bt).';
  const row = weights[select.value][i];
  const order = row.map((_, j) => j).sort((a, b) => row[b] - row[a]).slice(0, 6)
    .filter((j) => row[j] >= 0.0005);
  shares.replaceChildren(...order.map((j) => {
    const item = document.createElement('li');
    const [picture, text, bar, share] = ['img', 'span', 'i', 'b'].map((name) => document.createElement(name));
    picture.src = pictures[j].src;
    picture.alt = '';
    picture.className = images[j].missed ? 'missed' : '';
    text.textContent = j === i ? 'itself' : said(j);
    bar.style.width = (100 * row[j] / row[order[0]]).toFixed(1) + '%';
    text.append(bar);
    share.textContent = percent(row[j]);
    item.append(picture, text, share);
    return item;
  }));
}

select.addEventListener('change', showClass);
rows.forEach((row, i) => {
  for (const name of ['pointerenter', 'focusin', 'click']) row.addEventListener(name, () => showRow(i));
});
document.getElementById('attention-live').hidden = false;
showClass();
`;
