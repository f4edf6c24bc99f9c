#!/bin/sh
# Makes the golden trail with encryption at rest: make_encrypted.sh FOLDER
#
# Two generations of the keyring, the first under two master keys; encrypted segments, one of them
# merged; an encrypted archive; a second copy under a key of its own.
# SEALTRAIL names the program. The keys are worthless: 32 times the same byte.
set -eu
folder=$1
program=${SEALTRAIL:-sealtrail}
mkdir -p "$folder"
cd "$folder"
umask 077
key() { printf "$(printf '\\%o' "$1")%.0s" $(seq 32) | base64 > "$2"; }
key 1 master.key
key 2 next.key
key 3 copy.key
export SEALTRAIL_HOME=$PWD/home SEALTRAIL_ACCESS_AUDIT=off
cat > sealtrail.yaml <<'YAML'
audit:
  trail: { url: ./audit }
  integrity: { audit_log_backup: { destination: ./copy, key: 'file:copy.key' } }
  encryption: { hot: true, archive: true, key: 'file:master.key' }
  retention:
    clock: event_time
    by_domain: { auth: { hot_storage_days: 30 } }
    archival: { destination: ./cold, encryption: AES-256 }
YAML
run() { "$program" --config sealtrail.yaml "$@" > /dev/null; }
events() {
  for n in $(seq "$1" "$2"); do
    printf '{"event_type":"data.file_read","audit_id":"id-%d","timestamp":"2026-09-%02dT10:00:00Z","user_id":"user-%d","resource":{"path":"/claims/%d"},"ratio":%d.5,"note":"the text of %d"}\n' \
      "$n" $((n % 28 + 1)) $((n % 5)) "$n" "$n" "$n"
    printf '{"event_type":"auth.user_login","audit_id":"login-%d","timestamp":"2026-03-%02dT10:00:00Z","user_id":"user-%d","status":"success"}\n' \
      "$n" $((n % 28 + 1)) $((n % 5))
  done
}
run init
events 1 12 | run record -
run keys rotate --rewrap file:next.key
events 13 20 | run record -
run compact --grace 0s
run keys rotate --encryption
events 21 24 | run record -
run retention pin
run retention apply --approver officer --grace 0s
# Its record stays in the log of this host.
run backup run
"$program" --config sealtrail.yaml sql -o jsonl \
  "SELECT audit_id, event FROM events WHERE domain <> 'system' ORDER BY audit_id" > answers.jsonl
cp home/keys/*/owner.json home/keys/*/owner.vkey .
rm -r home sealtrail.yaml
chmod 644 ./*.key ./owner.json
