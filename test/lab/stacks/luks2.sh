# LUKS 2 with slots of both kinds of key derivation, tokens and kept flags, over a partition.
# disks: A=512M
set -eux
echo 'type=CA7D7CCB-63ED-4C53-861C-1742536059CC' | sfdisk --quiet --wipe always --label gpt "$A"
udevadm settle
vault=$(part "$A" 1)
printf secret | cryptsetup luksFormat --batch-mode --type luks2 --uuid 0b0f1a4e-0300-4000-8000-000000000004 --label vault \
    --subsystem backup --hash sha512 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - "$vault"
printf other >/run/other
printf third >/run/third
printf secret | cryptsetup luksAddKey --batch-mode --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768 \
    --key-file - "$vault" /run/other
printf secret | cryptsetup luksAddKey --batch-mode --pbkdf argon2i --pbkdf-force-iterations 5 --pbkdf-memory 16384 \
    --pbkdf-parallel 1 --key-slot 5 --key-file - "$vault" /run/third
cryptsetup config --priority prefer --key-slot 1 "$vault"
cryptsetup config --priority ignore --key-slot 5 "$vault"
cryptsetup token add --key-description vault:key --key-slot 1 "$vault"
cat >/run/tpm2 <<'END'
{"type":"systemd-tpm2","keyslots":["5"],"tpm2-blob":"AJ4AIB1zZWFsZWQ=","tpm2-pcrs":[7,14],"tpm2-pcr-bank":"sha256",
 "tpm2-primary-alg":"ecc","tpm2-policy-hash":"1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988","tpm2-pin":true}
END
cryptsetup token import --json-file /run/tpm2 "$vault"
# {"alg":"ECDH-ES","clevis":{"pin":"tang","tang":{"adv":{"keys":[]},"url":"http://tang.example.net"}},"enc":"A256GCM"}
cat >/run/clevis <<'END'
{"type":"clevis","keyslots":["0"],"jwe":{"ciphertext":"c2VhbGVk","encrypted_key":"","iv":"aXY","tag":"dGFn","protected":
 "eyJhbGciOiJFQ0RILUVTIiwiY2xldmlzIjp7InBpbiI6InRhbmciLCJ0YW5nIjp7ImFkdiI6eyJrZXlzIjpbXX0sInVybCI6Imh0dHA6Ly90YW5nLmV4YW1wbGUubmV0In19LCJlbmMiOiJBMjU2R0NNIn0"}}
END
cryptsetup token import --json-file /run/clevis "$vault"
printf secret | cryptsetup open --allow-discards --persistent --key-file - "$vault" vault
mkfs.ext4 -q -U 0b0f1a4e-0300-4000-8000-000000000005 /dev/mapper/vault
echo "vault UUID=0b0f1a4e-0300-4000-8000-000000000004 none luks,tpm2-device=auto" >/etc/crypttab
