//! Of settings: what is wrong with a field, what a method cannot, what providers want, and what discovery found.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // fields
    ("{} field(s) cannot be as asked", "неверных полей: {}"),
    (
        "account {} was changed by somebody else since it was read",
        "учётную запись {} тем временем изменил кто-то другой",
    ),
    (
        "account {} was changed by somebody else since it was read; read it again and repeat the change",
        "учётную запись {} тем временем изменил кто-то другой; прочитайте её снова и повторите изменение",
    ),
    ("the server's name has more than {} octets", "имя сервера длиннее {} байт"),
    ("{} is not an IPv6 address", "{} — не адрес IPv6"),
    (
        "must be HOST:PORT, e.g. proxy.example.com:1080 or [2001:db8::1]:1080",
        "нужно УЗЕЛ:ПОРТ, например proxy.example.com:1080 или [2001:db8::1]:1080",
    ),
    ("{}, without socks5:// or the like", "{}, без socks5:// и подобного"),
    (
        "{}; proxies that want a user name and a password are not supported",
        "{}; прокси с именем пользователя и паролем не поддерживаются",
    ),
    ("a proxy's port is a number from 1 to 65535", "порт прокси — число от 1 до 65535"),
    ("an IP address needs brackets here: {}", "IP-адрес здесь пишется в скобках: {}"),
    (
        "must be a host name such as fax.example.com, or an IP address in brackets",
        "нужно имя узла, например fax.example.com, или IP-адрес в скобках",
    ),
    (
        "give the host name alone, without smtp:// or the like",
        "укажите только имя узла, без smtp:// и подобного",
    ),
    (
        "this is an e-mail address; give the host name of its server",
        "это адрес электронной почты; укажите имя узла его сервера",
    ),
    ("give the host name alone, and the port in `port`", "укажите только имя узла, а порт — в своём поле"),
    ("a host name has no blanks or control characters", "в имени узла нет пробелов и управляющих символов"),
    ("this is not a valid IP address", "это неверный IP-адрес"),
    (
        "must be a host name such as mail.example.com, or an IP address",
        "нужно имя узла, например mail.example.com, или IP-адрес",
    ),
    ("a port is a number from 1 to 65535", "порт — число от 1 до 65535"),
    ("the method {} needs a server", "методу {} нужен сервер"),
    (
        "the method {} needs a sender address that its server accepts",
        "методу {} нужен адрес отправителя, который принимает сервер",
    ),
    (
        "OAuth 2.0 is a way to sign in: turn on authentication as well",
        "OAuth 2.0 — это способ входа: включите и проверку подлинности",
    ),
    (
        "without TLS everybody on the way can read the password or token: set security to implicit or starttls, or allow it all the same with plaintext_auth",
        "без TLS пароль или токен может прочитать любой по пути: выберите неявный режим или STARTTLS либо всё же разрешите это",
    ),
    (
        "signing in needs a login, or a sender_email to take it from",
        "для входа нужен логин или адрес отправителя, чтобы взять его оттуда",
    ),
    (
        "{} wants a password, and this account signs in with OAuth 2.0",
        "{} требует пароль, а эта учётная запись входит по OAuth 2.0",
    ),
    (
        "{} tells an access token, and this account signs in with a password",
        "{} передаёт токен доступа, а эта учётная запись входит по паролю",
    ),
    (
        "{} is bound to TLS: set security to implicit or starttls",
        "{} связан с TLS: выберите неявный режим или STARTTLS",
    ),
    ("{} is not a mechanism", "{} — не механизм входа"),
    ("is one of {}, or empty for the strongest", "одно из {} или пусто — самый стойкий"),
    ("the method {} cannot {}; {}", "метод {} не умеет {}; {}"),
    ("the method {} can", "это умеет метод {}"),
    ("no method of this host can", "здесь этого не умеет ни один метод"),
    ("check certificates in another way than the system's", "проверять сертификаты иначе, чем система"),
    ("sign in with OAuth 2.0", "входить по OAuth 2.0"),
    ("choose how to sign in", "выбирать способ входа"),
    ("give a name of your own in EHLO", "называться своим именем в EHLO"),
    ("set the envelope's sender", "задавать отправителя конверта"),
    ("go through a SOCKS5 proxy", "работать через прокси SOCKS5"),
    ("send without TLS", "отправлять без TLS"),
    ("do implicit TLS", "работать с неявным TLS"),
    (
        "only administrators may say into which folder the daemon writes",
        "в какую папку пишет служба, решают только администраторы",
    ),
    ("must be an absolute path without ..", "нужен полный путь без .."),
    (
        "pinned needs the SHA-256 of the certificate or of its public key",
        "для закрепления нужен SHA-256 сертификата или его открытого ключа",
    ),
    (
        "a pin is used with tls_check pinned only: set tls_check to pinned as well",
        "отпечаток нужен только при закреплённом сертификате: выберите и такую проверку",
    ),
    (
        "a SHA-256 has 64 hexadecimal digits, with or without colons",
        "в SHA-256 64 шестнадцатеричные цифры, с двоеточиями или без",
    ),
    (
        "must be the SHA-256 fingerprint of a certificate: 64 hexadecimal digits",
        "нужен отпечаток SHA-256 сертификата: 64 шестнадцатеричные цифры",
    ),
    (
        "give the address alone, and the name in sender_name",
        "укажите только адрес, а имя — в имени отправителя",
    ),
    ("the sender's address {}", "адрес отправителя: {}"),
    ("the address for answers {}", "адрес для ответов: {}"),
    ("can be {} to {} seconds, or 0 for the usual patience", "от {} до {} секунд; 0 — как обычно"),
    ("can be 0 to {}", "от 0 до {}"),
    ("has more than {} characters", "длиннее {} символов"),
    ("has more than {} octets", "длиннее {} байт"),
    ("has a control character", "есть управляющий символ"),
    ("has a line break or a NUL", "есть перевод строки или NUL"),
    ("is not an e-mail address: it has no @", "это не адрес электронной почты: в нём нет @"),
    ("has nothing before the @", "перед @ ничего нет"),
    ("has no valid domain after the @", "после @ нет верного домена"),
    ("has more than {} octets before the @", "перед @ больше {} байт"),
    (
        "has characters before the @ that an address cannot have without quotes",
        "перед @ есть символы, которых в адресе без кавычек не бывает",
    ),
    (
        "has a <, a > or a backslash before the @, which programs read as another address",
        "перед @ есть <, > или обратная косая черта: программы примут это за другой адрес",
    ),
    ("not one of its values", "такого значения нет"),
    // methods that are not here
    ("Collaboration Data Objects are a part of Windows", "Collaboration Data Objects — часть Windows"),
    (
        "Collaboration Data Objects (cdosys.dll) are not registered on this computer",
        "Collaboration Data Objects (cdosys.dll) на этом компьютере не зарегистрированы",
    ),
    ("Mono is not installed here; {}", "Mono здесь не установлен; {}"),
    ("Mono is here, and its System.dll is not; {}", "Mono есть, а его System.dll нет; {}"),
    ("install it: {}", "установите: {}"),
    (
        ".NET Framework 4 is not installed here: install version 4.8",
        ".NET Framework 4 здесь не установлен: установите версию 4.8",
    ),
    (
        ".NET Framework is older than 4.7.2 here: install version 4.8",
        ".NET Framework здесь старше 4.7.2: установите версию 4.8",
    ),
    (
        "this faxpostd was built where there was no compiler for C#: install mono-mcs, and build it anew",
        "эта сборка faxpostd сделана без компилятора C#: установите mono-mcs и соберите её заново",
    ),
    // OAuth 2.0
    ("no such profile; there are {}", "такого провайдера нет; есть {}"),
    ("has characters that no client ID has", "есть символы, которых в идентификаторе клиента не бывает"),
    (
        "a tenant is an id, a domain, or common, organizations or consumers",
        "арендатор — это идентификатор, домен либо common, organizations или consumers",
    ),
    ("has characters that no scope has", "есть символы, которых в области доступа не бывает"),
    ("is not a URL: {}", "это не URL: {}"),
    (
        "must begin with https://; http:// is for loopback hosts only",
        "должно начинаться с https://; http:// — только для этого компьютера",
    ),
    ("must begin with https://", "должно начинаться с https://"),
    ("must not hold a user name", "не должно содержать имени пользователя"),
    ("must not have a fragment", "не должно содержать части после #"),
    (
        "required: the client ID of your own registration at the provider",
        "обязательно: идентификатор клиента вашей регистрации у провайдера",
    ),
    (
        "required, unless oauth_profile names a known provider",
        "обязательно, если не выбран известный провайдер",
    ),
    (
        "required: clients of this provider have a secret",
        "обязательно: у клиентов этого провайдера есть секрет",
    ),
    ("required for a sign-in on another device", "обязательно для входа на другом устройстве"),
    ("required: with it the application proves who it is", "обязательно: им приложение доказывает, кто оно"),
    (
        "the account does not use OAuth 2.0; turn it on first",
        "учётная запись не использует OAuth 2.0; сначала включите его",
    ),
    (
        "does not take a sign-in on another device for mail; sign in with a browser",
        "для почты не принимает вход на другом устройстве; войдите в браузере",
    ),
    (
        "does not take an application's own sign-in for mail; sign in as a person",
        "для почты не принимает вход самого приложения; войдите как человек",
    ),
    ("does not take a sign-in with a browser", "не принимает вход в браузере"),
    (
        "the account was changed while somebody signed in; begin again",
        "учётную запись изменили во время входа; начните заново",
    ),
    (
        "too many sign-ins are under way; try again in some minutes",
        "начато слишком много входов; повторите через несколько минут",
    ),
    ("the provider refused with HTTP status {}", "провайдер отказал с кодом HTTP {}"),
    ("the provider refused: {}", "провайдер отказал: {}"),
    ("the provider cannot answer now (HTTP status {})", "провайдер сейчас не отвечает (код HTTP {})"),
    ("the provider did not answer in time", "провайдер не ответил вовремя"),
    ("the provider cannot be reached", "провайдер недоступен"),
    ("the provider's answer is not one of OAuth 2.0", "ответ провайдера — не OAuth 2.0"),
    ("the provider's answer is not one of OAuth 2.0 (at {})", "ответ провайдера — не OAuth 2.0 (в {})"),
    (
        "the endpoint redirects to another address, which is not followed; check the endpoint's URL",
        "адрес перенаправляет на другой, а за ним служба не идёт; проверьте URL",
    ),
    // what providers want
    (
        "make an app password in the settings of the mailbox; the mailbox's own does not work",
        "создайте в настройках ящика пароль для приложений; пароль самого ящика не подойдёт",
    ),
    (
        "a domain of your own has smtppro.zoho.com; accounts in Europe have smtp.zoho.eu",
        "у собственного домена — smtppro.zoho.com; у записей в Европе — smtp.zoho.eu",
    ),
    ("a domain of your own has smtppro.zoho.eu", "у собственного домена — smtppro.zoho.eu"),
    (
        "with two-factor authentication an app password is needed",
        "при двухфакторном входе нужен пароль для приложений",
    ),
    (
        "make an app-specific password at account.apple.com; the account's own does not work",
        "создайте пароль для приложения на account.apple.com; пароль самой записи не подойдёт",
    ),
    (
        "turn on POP3 and IMAP access in the settings of the mailbox",
        "включите в настройках ящика доступ по POP3 и IMAP",
    ),
    (
        "make a password for mail programs in the customer centre",
        "создайте в личном кабинете пароль для почтовых программ",
    ),
    (
        "turn on access by mail programs in the settings of the mailbox",
        "включите в настройках ящика доступ почтовых программ",
    ),
    (
        "register a desktop client of your own in the Google Cloud console; it has a secret",
        "зарегистрируйте в консоли Google Cloud собственный клиент для компьютера; у него есть секрет",
    ),
    (
        "while the app's publishing status is Testing, its tokens end after 7 days, which cannot be seen from here: publish the app, or make it internal to your organisation",
        "пока состояние публикации приложения — Testing, его токены кончаются через 7 дней, и отсюда этого не видно: опубликуйте приложение или сделайте его внутренним для организации",
    ),
    (
        "the grant ends when it is unused for 6 months, and when the password of the Google account is changed",
        "разрешение кончается, если им не пользоваться 6 месяцев и если сменить пароль записи Google",
    ),
    (
        "Google's device flow does not give access to mail",
        "вход на другом устройстве у Google доступа к почте не даёт",
    ),
    (
        "register the app with the platform \"Mobile and desktop applications\" and the redirect http://localhost",
        "зарегистрируйте приложение с платформой «Mobile and desktop applications» и адресом возврата http://localhost",
    ),
    (
        "for a shared mailbox, sign in as a person who may send as it, and set the sender to the mailbox",
        "для общего ящика войдите как человек, который может отправлять от его имени, а отправителем укажите ящик",
    ),
    ("SMTP AUTH must be on for the mailbox: {}", "для ящика должен быть включён SMTP AUTH: {}"),
    (
        "for client credentials, set the tenant, and give the service principal (object id of the enterprise application) access in Exchange; that takes 15 to 30 minutes",
        "для входа самого приложения задайте арендатора и дайте субъекту-службе (object id корпоративного приложения) доступ в Exchange; это занимает 15–30 минут",
    ),
    (
        "the grant ends when it is unused for 90 days; the daemon uses it daily",
        "разрешение кончается, если им не пользоваться 90 дней; служба пользуется им ежедневно",
    ),
    ("register http://localhost as the redirect", "зарегистрируйте адрес возврата http://localhost"),
    (
        "Fastmail registers clients on request; an app password works without",
        "Fastmail регистрирует клиентов по запросу; с паролем для приложений можно и без этого",
    ),
    (
        "access to mail needs the provider's approval of your registration; an app password works without",
        "доступ к почте требует, чтобы провайдер одобрил регистрацию; с паролем для приложений можно и без этого",
    ),
    // discovery
    ("has a domain that no name server knows", "такого домена не знает ни один сервер имён"),
    ("no provider is known by these hosts", "по этим узлам провайдер неизвестен"),
    (
        "no server in it has TLS and a name that can be used",
        "ни у одного сервера в нём нет TLS и годного имени",
    ),
    ("no host in it has a name that can be used", "ни у одного узла в нём нет годного имени"),
    ("the domain is none of the web", "такого домена в сети не бывает"),
    ("there is no such document", "такого документа нет"),
    ("its name leads to no public address", "его имя не ведёт ни к одному открытому адресу"),
    ("what is there is no autoconfig document", "то, что там лежит, — не документ autoconfig"),
    ("what is there is no autoconfig document: {}", "то, что там лежит, — не документ autoconfig: {}"),
    ("the document names no outgoing server", "в документе нет сервера исходящей почты"),
    ("the name servers of this computer are not known: {}", "серверы имён этого компьютера неизвестны: {}"),
    ("the domain says that it has no such service", "домен сообщает, что такой службы у него нет"),
    ("cannot be read: {}", "не читается: {}"),
    ("there is no such record", "такой записи нет"),
    ("the domain takes no mail", "домен не принимает почту"),
    ("the name server could not be asked: {}", "сервер имён не удалось спросить: {}"),
    ("it redirects to a place that is not followed", "перенаправляет туда, куда служба не идёт"),
    ("there is no such document (HTTP status {})", "такого документа нет (код HTTP {})"),
    ("the document is larger than {} octets", "документ больше {} байт"),
    ("the document is not UTF-8", "документ не в UTF-8"),
    ("no answer in time", "ответа вовремя нет"),
    ("TLS cannot be used: {}", "TLS не работает: {}"),
];
