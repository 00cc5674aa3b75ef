//! Of private keys and the machine's store: what is rarer wrong with them, on Linux and on Windows.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // the store
    ("the machine's certificate store failed: {}", "хранилище сертификатов компьютера отказало: {}"),
    ("it is not in the machine's certificate store", "его нет в хранилище сертификатов компьютера"),
    ("the work on certificates broke off: {}", "работа с сертификатами прервалась: {}"),
    ("it has no certificate", "в нём нет сертификата"),
    ("it has no revocation list", "в нём нет списка отзыва"),
    ("it is too large", "слишком велико"),
    ("a key of Windows is not in this store", "ключа Windows в этом хранилище нет"),
    (
        "access to {} cannot be granted: {}; put the state folder on one that has them (ext4, xfs, btrfs)",
        "доступ к {} не дать: {}; перенесите папку данных туда, где они есть (ext4, xfs, btrfs)",
    ),
    ("its file system has no POSIX access control lists", "в его файловой системе нет списков доступа POSIX"),
    ("its access control list is not understood", "его список доступа непонятен"),
    ("the system does not say who {} is: {}", "система не сообщает, кто такой {}: {}"),
    // keys
    ("it is a key of Windows", "это ключ Windows"),
    ("the file is too large for a private key", "для закрытого ключа файл слишком велик"),
    ("the file holds no private key as PKCS#8", "в файле нет закрытого ключа в PKCS#8"),
    (
        "an RSA key may have 4096 bits at most to sign here",
        "чтобы подписывать здесь, в ключе RSA должно быть не больше 4096 бит",
    ),
    ("an RSA key may have 4096 bits at most", "в ключе RSA должно быть не больше 4096 бит"),
    ("an RSA key needs 2048 bits at least", "в ключе RSA должно быть не меньше 2048 бит"),
    (
        "the size of an RSA key must be a multiple of 512 bits",
        "размер ключа RSA должен быть кратен 512 битам",
    ),
    ("it is neither RSA nor on the curve P-256", "это не RSA и не ключ на кривой P-256"),
    ("the parts of the RSA key do not fit together", "части ключа RSA не подходят друг к другу"),
    ("the parts of the key do not fit together", "части ключа не подходят друг к другу"),
    ("its public half is not in the file", "его открытой половины нет в файле"),
    ("the computation failed", "вычислить не удалось"),
    ("it is not that of the certificate", "он не от этого сертификата"),
    ("who may use a key is unknown", "кому доступен ключ, неизвестно"),
    ("RSA keys of {} bits are not made here", "ключи RSA на {} бит здесь не создаются"),
    ("the new key does not sign its request: {}", "новый ключ не подписывает собственный запрос: {}"),
    ("no key could be made: {}", "ключ создать не удалось: {}"),
    ("the system has no randomness", "у системы нет случайных чисел"),
    // Windows: who may use a key
    (
        "everybody may use this key: it has no access list, and adding to it would lock others out",
        "этим ключом может пользоваться любой: списка доступа у него нет, а новый список лишил бы доступа остальных",
    ),
    (
        "an entry of the key's access list denies it to this account; remove that entry first",
        "список доступа ключа запрещает его этой учётной записи; сначала удалите этот запрет",
    ),
    ("the key's access list is full", "список доступа ключа заполнен"),
    (
        "this account may do more with the key than read it, or inherits the right; Faxpost takes away only what it grants, so remove that entry with the certificates console (All Tasks, Manage Private Keys)",
        "этой учётной записи можно больше, чем читать ключ, или право унаследовано; Faxpost отнимает только то, что даёт: удалите это право в консоли сертификатов (Все задачи, Управление закрытыми ключами)",
    ),
    ("the key's security descriptor is damaged", "дескриптор безопасности ключа повреждён"),
    (
        "{} is nearly everybody on this machine: name the account that is to sign",
        "{} — это почти все на этом компьютере: назовите учётную запись, которая будет подписывать",
    ),
    (
        "Windows took the key's new access list, and did not keep it",
        "Windows приняла новый список доступа ключа и не сохранила его",
    ),
    (
        "Windows denies access to it; the daemon has to run as the system or an administrator",
        "Windows не даёт к нему доступа; служба должна работать от имени системы или администратора",
    ),
    // Windows: kinds of keys
    (
        "only RSA keys and EC keys on P-256 can sign here",
        "подписывать здесь могут только ключи RSA и ключи EC на P-256",
    ),
    (
        "keys are no files on Windows, but live in its key storage",
        "в Windows ключи — не файлы, они живут в её хранилище ключей",
    ),
    (
        "Windows wants a PIN or a confirmation on the screen for it, which a service cannot give; install the certificate with its key into the machine's store, without strong protection",
        "Windows просит для него PIN или подтверждение на экране, а служба дать их не может; установите сертификат с ключом в хранилище компьютера без усиленной защиты",
    ),
    (
        "its provider does not know SHA-256, or not this kind of key ({})",
        "его поставщик не знает SHA-256 или такого вида ключей ({})",
    ),
    ("an RSA key has 2048 bits or more, and 16384 at most", "в ключе RSA должно быть от 2048 до 16384 бит"),
    (
        "an RSA key needs at least 1024 bits, and 16384 at most",
        "в ключе RSA должно быть от 1024 до 16384 бит",
    ),
    (
        "the key storage of this Windows (CNG) keeps no such key, and the legacy CryptoAPI knows only RSA: {}",
        "хранилище ключей этой Windows (CNG) такого ключа не сохраняет, а прежнее CryptoAPI знает только RSA: {}",
    ),
    (
        "this RSA key is of a shape that the legacy CryptoAPI cannot hold",
        "такой ключ RSA в прежнем CryptoAPI не хранится",
    ),
    ("the private key is damaged", "закрытый ключ повреждён"),
    ("the private key is not the certificate's", "закрытый ключ не от этого сертификата"),
    ("the certificate is for another key", "сертификат выдан на другой ключ"),
    ("the certificate is damaged", "сертификат повреждён"),
    ("Windows gave a public key that is none", "Windows дала негодный открытый ключ"),
    ("Windows gave a signature that is none", "Windows дала негодную подпись"),
    ("Windows took the certificate, and did not keep it", "Windows приняла сертификат и не сохранила его"),
    (
        "Windows did not keep where the certificate's key is",
        "Windows не сохранила, где лежит ключ сертификата",
    ),
    // signing a message
    ("the message cannot be signed: {}", "письмо не подписать: {}"),
    ("the signing certificate of {} ended on {}", "срок сертификата подписи {} истёк {}"),
    ("the signing certificate of {} begins on {}", "срок сертификата подписи {} начнётся {}"),
    ("the signing certificate cannot be read", "сертификат подписи не прочитать"),
    ("the signing certificate's key cannot sign here", "ключом сертификата подписи здесь не подписать"),
    ("the signing certificate cannot be named in a signature", "сертификат подписи нельзя назвать в подписи"),
    ("it is too large for a signature of this kind", "для такой подписи оно слишком велико"),
    ("its header is too large", "его заголовок слишком велик"),
    ("the message changed after it was signed", "письмо изменилось после подписи"),
    ("it has bytes above 127", "в нём есть байты больше 127"),
    ("it has NUL bytes", "в нём есть байты NUL"),
    ("it has lines of more than 998 octets", "в нём есть строки длиннее 998 байт"),
    ("it has lines that begin with \"From \"", "в нём есть строки, которые начинаются с \"From \""),
    ("it has blanks at the end of lines", "в нём есть пробелы в конце строк"),
];
