//! Of certificates: what they lack, their chains and revocation, files that are brought, and what is asked for.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // revocation
    ("no revocation list is at hand", "списка отзыва под рукой нет"),
    ("it is revoked since {}, by the list of {} from {}", "отозван с {} — по списку {} от {}"),
    (
        "{} above it is revoked since {}, by the list of {} from {}",
        "вышестоящий {} отозван с {} — по списку {} от {}",
    ),
    (
        "not on the list of {} from {}, which is out of date",
        "не значится в списке {} от {}, но этот список устарел",
    ),
    ("not on the list of {} from {}", "не значится в списке {} от {}"),
    // chains
    (
        "the certificate is self-signed, and {} is not trusted by this machine",
        "сертификат самозаверенный, и {} этот компьютер не доверяет",
    ),
    ("its root {} is not trusted by this machine", "его корневому сертификату {} этот компьютер не доверяет"),
    (
        "no certificate of its issuer {} that is at hand has the key that signed it",
        "ни у одного имеющегося сертификата его издателя {} нет ключа, которым он подписан",
    ),
    ("the certificate of its issuer {} is not at hand", "сертификата его издателя {} под рукой нет"),
    ("its validity is over since {}", "его срок действия истёк {}"),
    ("an unknown day", "неизвестный день"),
    ("its validity begins only on {}", "его срок действия начнётся только {}"),
    (
        "it has the critical extension {}, which is not understood here",
        "в нём есть критическое расширение {}, которое здесь не понимают",
    ),
    (
        "it is signed with MD5 or SHA-1, which readers do not accept",
        "он подписан с MD5 или SHA-1, а этого получатели не принимают",
    ),
    (
        "it may not have so many authorities below it (path length)",
        "под ним не может быть столько удостоверяющих центров (длина пути)",
    ),
    (
        "its key usage does not let it issue certificates",
        "назначение его ключа не допускает выпуска сертификатов",
    ),
    (
        "its extended key usage does not let it issue certificates for e-mail",
        "его расширенное назначение не допускает выпуска сертификатов для почты",
    ),
    ("its name constraints do not let it certify {}", "его ограничения имён не позволяют ему заверять {}"),
    ("it is not an authority (basic constraints)", "это не удостоверяющий центр (основные ограничения)"),
    // what a candidate lacks
    (
        "it names no e-mail address, and so is not for {}",
        "в нём нет ни одного адреса почты, поэтому для {} он не подходит",
    ),
    (
        "it is for {}, not for {}: before the @ upper and lower case are different",
        "он для {}, а не для {}: перед @ прописные и строчные буквы различаются",
    ),
    ("it is for {}, not for {}", "он для {}, а не для {}"),
    ("it is over since {}", "его срок истёк {}"),
    ("it begins only on {}", "его срок начнётся только {}"),
    (
        "its key usage is {}, without digitalSignature or nonRepudiation: it does not sign",
        "назначение его ключа — {}, без digitalSignature и nonRepudiation: он не подписывает",
    ),
    (
        "its extended key usage is {}, without emailProtection",
        "его расширенное назначение — {}, без emailProtection",
    ),
    (
        "its key is {}; what signs here is RSA of 2048 to 4096 bits and EC P-256",
        "его ключ — {}; подписывать здесь могут RSA от 2048 до 4096 бит и EC P-256",
    ),
    (
        "its private key is not in the machine's store; install the certificate together with its key",
        "его закрытого ключа нет в хранилище компьютера; установите сертификат вместе с ключом",
    ),
    (
        "the account {} that mail is signed under may not use its private key; grant it access",
        "учётной записи {}, от имени которой подписывается почта, его закрытый ключ недоступен; разрешите доступ",
    ),
    (
        "no certificate can sign for {}; the best: {}",
        "подписать за {} не может ни один сертификат; лучший: {}",
    ),
    (
        "no certificate is in the machine's store that could sign for {}",
        "в хранилище компьютера нет сертификата, который мог бы подписать за {}",
    ),
    (
        "the certificate {} that is to sign is not in the machine's store",
        "сертификата {}, которым нужно подписать, нет в хранилище компьютера",
    ),
    // what is asked for
    (
        "installs the certificate {} with its private key, and lets {} use it",
        "устанавливает сертификат {} с его закрытым ключом и разрешает пользоваться им: {}",
    ),
    ("installs the certificate {} with its private key", "устанавливает сертификат {} с его закрытым ключом"),
    (
        "deletes the certificate {} with its private key, which nobody can bring back",
        "удаляет сертификат {} с его закрытым ключом; вернуть их не сможет никто",
    ),
    ("deletes the certificate {}", "удаляет сертификат {}"),
    (
        "lets {} use the private key of the certificate {}",
        "разрешает {} пользоваться закрытым ключом сертификата {}",
    ),
    ("takes the private key of the certificate {} from {}", "отбирает закрытый ключ сертификата {} у {}"),
    (
        "makes a key ({}) in the machine's store, and a request for a certificate for {}",
        "создаёт ключ ({}) в хранилище компьютера и запрос сертификата для {}",
    ),
    (
        "installs the certificate {} onto the private key that waits for it, and lets {} use it",
        "устанавливает сертификат {} к закрытому ключу, который его ждёт, и разрешает пользоваться им: {}",
    ),
    (
        "installs the certificate {} onto the private key that waits for it",
        "устанавливает сертификат {} к закрытому ключу, который его ждёт",
    ),
    (
        "gives the request for {} up, and deletes its private key",
        "отказывается от запроса для {} и удаляет его закрытый ключ",
    ),
    ("complete and trusted", "полная, компьютер ей доверяет"),
    ("may be exported again", "можно будет экспортировать снова"),
    // using keys
    (
        "the private key is not there, or this account may not see it",
        "закрытого ключа нет, или эта учётная запись его не видит",
    ),
    ("this account may not use the private key", "этой учётной записи закрытый ключ недоступен"),
    ("the private key cannot sign here: {}", "закрытым ключом здесь не подписать: {}"),
    ("the private key cannot be used: {}", "закрытым ключом не воспользоваться: {}"),
    (
        "the certificate's private key is not in the machine's store",
        "закрытого ключа этого сертификата нет в хранилище компьютера",
    ),
    (
        "the certificate {} has no private key in the machine's store",
        "у сертификата {} нет закрытого ключа в хранилище компьютера",
    ),
    (
        "what was signed does not verify with the certificate: the key is another one's",
        "подпись не проверяется сертификатом: ключ от другого",
    ),
    ("the signature could not be computed", "подпись не удалось вычислить"),
    ("the certificates are changing; try again", "сертификаты как раз меняются; повторите"),
    ("there is no account {} on this machine", "записи {} на этом компьютере нет"),
    (
        "{} may use every key of this machine by the system's own rules, which cannot be changed here",
        "{} по правилам самой системы может пользоваться любым ключом компьютера; здесь это не изменить",
    ),
    // files
    ("the password of the PKCS#12 file is wrong", "пароль файла PKCS#12 неверен"),
    ("the file is larger than {} octets", "файл больше {} байт"),
    (
        "the file is not a PKCS#12 file, or is damaged or cut off",
        "это не файл PKCS#12, или он повреждён либо обрезан",
    ),
    (
        "the file is encrypted by a cipher that is not read here",
        "файл зашифрован шифром, который здесь не читается",
    ),
    (
        "the file is protected by a digest that is not known here",
        "файл защищён неизвестной здесь контрольной суммой",
    ),
    (
        "the file is sealed for a certificate (public-key mode) and not with a password, which is not read here",
        "файл запечатан для сертификата, а не паролем; такие здесь не читаются",
    ),
    (
        "the file is protected by PBMAC1 (RFC 9579), which is not read here; export it with an older MAC (openssl pkcs12 -export without -pbmac1_pbkdf2)",
        "файл защищён PBMAC1 (RFC 9579), а он здесь не читается; экспортируйте с прежним MAC (openssl pkcs12 -export без -pbmac1_pbkdf2)",
    ),
    (
        "the file derives its key by scrypt, which is not read here",
        "ключ файла выводится через scrypt, а он здесь не читается",
    ),
    (
        "the file asks for more than {} rounds of key derivation in all; export it with fewer",
        "файлу нужно больше {} раундов вывода ключа; экспортируйте с меньшим числом",
    ),
    ("the text is larger than {} octets", "текст больше {} байт"),
    ("the text has more than {} certificates", "в тексте больше {} сертификатов"),
    ("the text has more than {} private keys", "в тексте больше {} закрытых ключей"),
    ("the text has a block {} that is damaged", "в тексте повреждён блок {}"),
    ("the text has a block {} that is not Base64", "в тексте блок {} — не Base64"),
    ("the text is cut off: a block {} has no end", "текст обрезан: у блока {} нет конца"),
    ("the file has more than {} certificates", "в файле больше {} сертификатов"),
    ("the file has more than {} private keys", "в файле больше {} закрытых ключей"),
    (
        "there is no private key in it: export the certificate together with its private key",
        "в нём нет закрытого ключа: экспортируйте сертификат вместе с закрытым ключом",
    ),
    ("there is no certificate in it", "в нём нет сертификата"),
    (
        "no private key belongs to a certificate in it",
        "ни один закрытый ключ в нём не подходит к сертификату",
    ),
    (
        "there are several certificates with private keys in it ({}); export the one that is meant alone",
        "в нём несколько сертификатов с закрытыми ключами ({}); экспортируйте нужный отдельно",
    ),
    (
        "the private key is encrypted; bring it as PKCS#12 with its password, or without encryption (openssl pkey -in …)",
        "закрытый ключ зашифрован; дайте его в PKCS#12 с паролем или без шифрования (openssl pkey -in …)",
    ),
    ("the private key is not that of the certificate", "закрытый ключ не от этого сертификата"),
    ("the private key is not PKCS#8, or is damaged", "закрытый ключ не в PKCS#8 или повреждён"),
    (
        "a private key of this algorithm or curve cannot sign here; RSA of 2048 to 4096 bits and EC P-256 can",
        "закрытым ключом такого алгоритма или кривой здесь не подписать; можно RSA от 2048 до 4096 бит и EC P-256",
    ),
    (
        "an RSA key needs at least 2048 bits (2048, 3072 or 4096) to sign here",
        "чтобы подписывать здесь, в ключе RSA должно быть не меньше 2048 бит (2048, 3072 или 4096)",
    ),
    ("the RSA key is damaged", "ключ RSA повреждён"),
    ("the EC key is damaged", "ключ EC повреждён"),
    ("the EC key is not on the curve P-256", "ключ EC не на кривой P-256"),
    (
        "the certificate is not an X.509 certificate, or is damaged",
        "это не сертификат X.509, или он повреждён",
    ),
    ("the certificate is larger than {} octets", "сертификат больше {} байт"),
    ("the certificate has something behind its end", "после конца сертификата есть что-то ещё"),
    ("certificate {} of the chain {}", "сертификат {} цепочки: {}"),
    // the same, in those that say whose it is
    ("is larger than {} octets", "больше {} байт"),
    ("has something behind its end", "после конца есть что-то ещё"),
    ("is not an X.509 certificate, or is damaged", "это не сертификат X.509, или он повреждён"),
    // requests for a CA
    (
        "the answer has no certificate: what is read is PEM, DER, and PKCS#7 in either",
        "в ответе нет сертификата: читаются PEM, DER и PKCS#7 в любом из них",
    ),
    ("the answer has a block {} that is not Base64", "в ответе блок {} — не Base64"),
    ("the answer is cut off: a block {} has no end", "ответ обрезан: у блока {} нет конца"),
    ("the answer is larger than {} octets", "ответ больше {} байт"),
    ("the answer has more than {} certificates", "в ответе больше {} сертификатов"),
    ("the answer has a certificate that {}", "в ответе сертификат, который не читается: {}"),
    (
        "the answer fits no request that waits here; `faxpost cert csr list` shows them",
        "ответ не подходит ни к одному запросу, который здесь ждёт",
    ),
    (
        "no key waits here for the certificate {}; its request was made elsewhere, or given up",
        "сертификата {} здесь не ждёт ни один ключ: запрос сделан не здесь, или от него отказались",
    ),
    ("no request {} waits for its answer", "ни один запрос {} не ждёт ответа"),
    (
        "{} requests wait for their answers already; give some of them up first",
        "ответа ждут уже {} запросов; сначала откажитесь от некоторых",
    ),
    (
        "has a part {}; a subject is written like CN=Fax, O=Firm, C=DE",
        "есть часть {}; владелец пишется так: CN=Fax, O=Firm, C=DE",
    ),
    ("has an unknown attribute {}; known are {}", "неизвестный атрибут {}; известны {}"),
    ("has an attribute {} that is empty or longer than {} octets", "атрибут {} пуст или длиннее {} байт"),
    ("has a country (C) that is not a code of two letters", "страна (C) — не код из двух букв"),
    (
        "has a serialNumber with characters that it cannot have",
        "в serialNumber есть символы, которых в нём не бывает",
    ),
    ("has no part", "нет ни одной части"),
    ("ends with a backslash", "в конце обратная косая черта"),
];
