// Hands the answers of a Google form to MedSync. docs/forms.md says where it goes and what to set.
//
// In the form: three dots, Apps Script; put this in the place of what is there. In the project's settings add the
// script properties MEDSYNC_ADDRESS and MEDSYNC_SECRET. Then run `setUp` once and allow what Google asks for.

/** Runs `formSubmitted` at each form, and tries again every hour what did not get through. */
function setUp() {
  ScriptApp.getProjectTriggers().forEach((trigger) => ScriptApp.deleteTrigger(trigger));
  ScriptApp.newTrigger('formSubmitted').forForm(FormApp.getActiveForm()).onFormSubmit().create();
  ScriptApp.newTrigger('sendWaiting').timeBased().everyHours(1).create();
}

/** A person has sent the form. It waits in the properties until MedSync has taken it. */
function formSubmitted(event) {
  const id = event.response.getId();
  PropertiesService.getScriptProperties().setProperty('waiting:' + id, 'yes');
  send_(event.response);
}

/** Sends what waits; it stays as long as MedSync does not take it. */
function sendWaiting() {
  const form = FormApp.getActiveForm();
  Object.keys(PropertiesService.getScriptProperties().getProperties())
    .filter((name) => name.startsWith('waiting:'))
    .forEach((name) => send_(form.getResponse(name.slice('waiting:'.length))));
}

function send_(response) {
  const properties = PropertiesService.getScriptProperties();
  const body = JSON.stringify({
    id: response.getId(),
    submitted_at: response.getTimestamp().toISOString(),
    answers: answersOf_(response),
  });
  // Signed anew at each try: MedSync takes nothing that was signed more than five minutes ago.
  const stamp = new Date().toISOString();
  const signature = Utilities.computeHmacSha256Signature(
    stamp + '.' + body, properties.getProperty('MEDSYNC_SECRET'), Utilities.Charset.UTF_8);
  const answer = UrlFetchApp.fetch(properties.getProperty('MEDSYNC_ADDRESS'), {
    method: 'post',
    contentType: 'application/json',
    payload: Utilities.newBlob(body, 'application/json').getBytes(),
    headers: { 'X-MedSync-Timestamp': stamp, 'X-MedSync-Signature': 'sha256=' + hex_(signature) },
    muteHttpExceptions: true,
  });
  if (answer.getResponseCode() === 204) {
    properties.deleteProperty('waiting:' + response.getId());
  } else {
    // MedSync says what is wrong and names nobody.
    console.error('MedSync did not take a form: ' + answer.getResponseCode() + ' ' + answer.getContentText());
  }
}

function answersOf_(response) {
  const answers = response.getItemResponses().map((one) => ({
    title: one.getItem().getTitle(),
    help: one.getItem().getHelpText(),
    value: one.getResponse(),
  }));
  const email = response.getRespondentEmail();
  return email ? answers.concat({ title: 'Email', help: '', value: email }) : answers;
}

function hex_(bytes) {
  return bytes.map((byte) => ((byte + 256) % 256).toString(16).padStart(2, '0')).join('');
}
