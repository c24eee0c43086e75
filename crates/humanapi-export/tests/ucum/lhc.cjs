// Asks NLM's reader of UCUM: which of the units on standard input are valid, and how many of each target one is.
// One line of JSON in, one line of JSON out.
'use strict';

const { UcumLhcUtils } = require(process.argv[2]);
const utils = UcumLhcUtils.getInstance();
const { units, targets, value } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));

const answer = units.map((unit) => {
  const told = utils.validateUnitString(unit);
  const valid = told.status === 'valid' && told.ucumCode === unit;
  const values = targets.map((target) => {
    const converted = utils.convertUnitTo(unit, value, target);
    return converted.status === 'succeeded' ? converted.toVal : null;
  });
  return { valid, values };
});
process.stdout.write(JSON.stringify(answer));
