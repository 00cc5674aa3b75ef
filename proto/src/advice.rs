//! What to do about a failure: stable codes with a text for people in English and Russian.
//!
//! The wire carries the code and the English text; clients translate by the code.

/// Language of texts for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

struct Advice {
    code: &'static str,
    en: &'static str,
    ru: &'static str,
}

const ADVICE: &[Advice] = &[
    Advice {
        code: "CHECK_SERVER_NAME",
        en: "There is no host of this name. Check the server's name for typing errors.",
        ru: "Такого узла нет. Проверьте, нет ли опечаток в имени сервера.",
    },
    Advice {
        code: "CHECK_DNS",
        en: "The name could not be looked up. Check this computer's DNS settings and its network connection.",
        ru: "Имя не удалось найти. Проверьте настройки DNS и подключение этого компьютера к сети.",
    },
    Advice {
        code: "CHECK_PORT",
        en: "Nothing listens on this port. Check the port: 587 or 25 go with STARTTLS, 465 with implicit TLS.",
        ru: "На этом порту никто не отвечает. Проверьте порт: 587 и 25 — для STARTTLS, 465 — для неявного TLS.",
    },
    Advice {
        code: "CHECK_NETWORK",
        en: "The server cannot be reached from here. Check the network connection, the route and the firewall.",
        ru: "Сервер отсюда недоступен. Проверьте подключение к сети, маршрут и межсетевой экран.",
    },
    Advice {
        code: "CHECK_PROXY",
        en: "The SOCKS5 proxy of this account does not make the connection. Check its address and port, whether it lets this computer in without a password, and whether it allows the server's port.",
        ru: "Прокси SOCKS5 этой учётной записи не устанавливает соединение. Проверьте его адрес и порт, пускает ли он этот компьютер без пароля и разрешён ли на нём порт сервера.",
    },
    Advice {
        code: "CHECK_FIREWALL_OR_TLS_MODE",
        en: "Often a firewall or the internet provider blocks this port. If the connection stands and only the greeting is missing, the port wants TLS at once: choose implicit TLS (usual on 465).",
        ru: "Часто порт закрыт межсетевым экраном или провайдером. Если соединение есть, но нет приветствия, порт сразу ждёт TLS: выберите неявный режим (обычно 465).",
    },
    Advice {
        code: "SERVER_TOO_SLOW",
        en: "The server did not answer in time. It may be overloaded, or something on the way stops the connection; try again later.",
        ru: "Сервер не ответил вовремя. Он перегружен, или соединение что-то останавливает; повторите позже.",
    },
    Advice {
        code: "CHECK_TLS_MODE",
        en: "The server closed the connection before the session began. The TLS mode may not fit the port: 465 goes with implicit TLS, 587 and 25 with STARTTLS.",
        ru: "Сервер закрыл соединение до начала сеанса. Возможно, режим TLS не подходит к порту: 465 — неявный, 587 и 25 — STARTTLS.",
    },
    Advice {
        code: "CONNECTION_LOST",
        en: "The connection broke during the session. If this repeats, look at the server's log and at firewalls or antivirus software between.",
        ru: "Соединение прервалось во время сеанса. Если это повторяется, проверьте журнал сервера, межсетевые экраны и антивирус по пути.",
    },
    Advice {
        code: "NOT_A_MAIL_SERVER",
        en: "What answers on this port is not a mail server. Check the server's name and the port.",
        ru: "На этом порту отвечает не почтовый сервер. Проверьте имя сервера и порт.",
    },
    Advice {
        code: "SESSION_REFUSED",
        en: "The server does not talk to this computer. Its address may be on a blocklist, or only other networks are allowed; ask who runs the server.",
        ru: "Сервер не принимает соединения с этого компьютера: его адрес в чёрном списке или не разрешён. Обратитесь к администратору сервера.",
    },
    Advice {
        code: "SERVER_BUSY",
        en: "The server is busy or being restarted. The mail will be tried again by itself.",
        ru: "Сервер занят или перезапускается. Отправка повторится сама.",
    },
    Advice {
        code: "SENDING_TOO_FAST",
        en: "The server limits messages or connections (Microsoft 365: 30 messages a minute, 3 connections). The mail will be tried again by itself; use fewer senders on this account.",
        ru: "Сервер ограничивает число писем или соединений (Microsoft 365: 30 писем в минуту, 3 соединения). Отправка повторится сама; уменьшите число отправителей.",
    },
    Advice {
        code: "USE_IMPLICIT_TLS",
        en: "The server does not offer STARTTLS here. Try implicit TLS on port 465, or port 587.",
        ru: "Сервер не предлагает здесь STARTTLS. Попробуйте неявный TLS на порту 465 или порт 587.",
    },
    Advice {
        code: "USE_STARTTLS",
        en: "This port begins without TLS. Choose the explicit mode (STARTTLS), or port 465 for implicit TLS.",
        ru: "Этот порт начинает без TLS. Выберите явный режим (STARTTLS) или порт 465 для неявного TLS.",
    },
    Advice {
        code: "TLS_FAILED",
        en: "Server and client did not agree on TLS. The server may know only TLS 1.0 or 1.1, which are no longer safe; update the server.",
        ru: "Не удалось согласовать TLS. Возможно, сервер умеет только небезопасные TLS 1.0 и 1.1; обновите сервер.",
    },
    Advice {
        code: "PIN_CERTIFICATE",
        en: "The server has a self-signed certificate, or one of a private issuer. Compare its fingerprint with the server's administrator and pin it, or install the issuer's certificate on this computer.",
        ru: "У сервера самозаверенный сертификат или частный издатель. Сверьте отпечаток с администратором сервера и закрепите его или установите сертификат издателя на этот компьютер.",
    },
    Advice {
        code: "CERTIFICATE_EXPIRED",
        en: "The server's certificate is over, or this computer's clock is wrong. Check the clock; the server's administrator must renew the certificate.",
        ru: "Срок сертификата сервера истёк, или часы этого компьютера неверны. Проверьте часы; сертификат должен обновить администратор сервера.",
    },
    Advice {
        code: "CERTIFICATE_NAME",
        en: "The certificate is for another name. Enter the server by a name from its certificate; an IP address seldom works.",
        ru: "Сертификат выдан на другое имя. Укажите сервер по имени из сертификата; IP-адрес подходит редко.",
    },
    Advice {
        code: "PIN_MISMATCH",
        en: "The server shows another certificate than the pinned one. It may have been renewed: compare the new fingerprint with the server's administrator before pinning it. Otherwise somebody stands between.",
        ru: "Сервер показал не тот сертификат, который закреплён. Возможно, его обновили: сверьте новый отпечаток с администратором сервера, прежде чем закреплять. Иначе соединение кто-то перехватывает.",
    },
    Advice {
        code: "NO_MECHANISM",
        en: "The server offers no sign-in that works here. Often it is offered only after TLS: turn on the secure connection. If the server takes mail without sign-in, turn authentication off.",
        ru: "Сервер не предлагает подходящего входа. Часто он доступен только после TLS: включите защищённое соединение. Если сервер принимает почту без входа, отключите проверку подлинности.",
    },
    Advice {
        code: "TURN_ON_TLS",
        en: "Turn on the secure connection (STARTTLS on 587 or 25, implicit TLS on 465): without it a password would be readable on its way.",
        ru: "Включите защищённое соединение (STARTTLS на 587 или 25, неявный TLS на 465): без него пароль был бы виден в сети.",
    },
    Advice {
        code: "SET_PASSWORD",
        en: "Authentication is on, but there is no password. Enter it anew: it is cleared when the server or the login changes.",
        ru: "Проверка подлинности включена, но пароля нет. Введите его заново: при смене сервера или имени входа он удаляется.",
    },
    Advice {
        code: "SIGN_IN_NEEDED",
        en: "The server takes mail only after sign-in. Turn on authentication and enter login and password.",
        ru: "Сервер принимает почту только после входа. Включите проверку подлинности и укажите имя и пароль.",
    },
    Advice {
        code: "CHECK_CREDENTIALS",
        en: "Login or password is wrong. Many servers want the whole address as login, and some an app password.",
        ru: "Неверное имя входа или пароль. Многие серверы ждут полный адрес как имя входа, некоторые — пароль приложения.",
    },
    Advice {
        code: "SIGN_IN_LATER",
        en: "The server cannot check the sign-in now. The mail will be tried again by itself.",
        ru: "Сервер сейчас не может проверить вход. Отправка повторится сама.",
    },
    Advice {
        code: "SERVER_UNPROVEN",
        en: "The sign-in lets the server prove that it knows the password, and this one did not. Perhaps it is another server that answers in its name: check the server's name, and that TLS is on with the certificate checked. Otherwise its sign-in is faulty; ask who runs it.",
        ru: "При таком входе сервер доказывает, что знает пароль, а этот не доказал. Возможно, за него отвечает другой сервер: проверьте имя сервера и включён ли TLS с проверкой сертификата. Иначе его вход неисправен: обратитесь к администратору сервера.",
    },
    Advice {
        code: "APP_PASSWORD",
        en: "This account needs an app password: with two-step verification the usual one is not taken. Create one in the account's security settings.",
        ru: "Нужен пароль приложения: при двухэтапной проверке обычный не подходит. Создайте его в настройках безопасности учётной записи.",
    },
    Advice {
        code: "GMAIL_APP_PASSWORD",
        en: "Google does not take the usual password. Turn on 2-Step Verification, create an app password at myaccount.google.com/apppasswords, and use the whole address as login.",
        ru: "Google не принимает обычный пароль. Включите двухэтапную аутентификацию, создайте пароль приложения на myaccount.google.com/apppasswords и укажите полный адрес как имя входа.",
    },
    Advice {
        code: "MICROSOFT_SMTP_AUTH_OFF",
        en: "Sign-in by password over SMTP is switched off for this mailbox or organisation. An administrator can allow \"Authenticated SMTP\" for the mailbox; where security defaults or Microsoft's retirement of passwords forbid it, OAuth is needed.",
        ru: "Вход по паролю через SMTP отключён для этого ящика или организации. Администратор может разрешить «SMTP с проверкой подлинности»; где это запрещено, нужен OAuth.",
    },
    Advice {
        code: "MICROSOFT_SIGN_IN",
        en: "Microsoft refused the sign-in. Use the whole address as login; with two-step verification an app password; Outlook.com takes OAuth only.",
        ru: "Microsoft отклонила вход. Укажите полный адрес как имя входа; при двухэтапной проверке — пароль приложения; Outlook.com принимает только OAuth.",
    },
    Advice {
        code: "YAHOO_APP_PASSWORD",
        en: "Yahoo and AOL take only an app password. Create one under Account security, and use the whole address as login.",
        ru: "Yahoo и AOL принимают только пароль приложения. Создайте его в разделе «Безопасность» и укажите полный адрес как имя входа.",
    },
    Advice {
        code: "ICLOUD_APP_PASSWORD",
        en: "iCloud takes only an app-specific password. Create one at account.apple.com under Sign-In and Security.",
        ru: "iCloud принимает только пароль приложения. Создайте его на account.apple.com в разделе «Вход и безопасность».",
    },
    Advice {
        code: "YANDEX_APP_PASSWORD",
        en: "Yandex needs an app password for mail, and mail programs allowed in the mailbox's settings (Mail clients).",
        ru: "Яндексу нужен пароль приложения для почты; кроме того, разрешите почтовые программы в настройках ящика («Почтовые программы»).",
    },
    Advice {
        code: "MAILRU_APP_PASSWORD",
        en: "Mail.ru takes only a password for external applications. Create one in the account's security settings.",
        ru: "Mail.ru принимает только пароль для внешних приложений. Создайте его в настройках безопасности учётной записи.",
    },
    Advice {
        code: "CHECK_SENDER",
        en: "The server does not take this sender's address. Usually it must belong to the account that signs in.",
        ru: "Сервер не принимает этот адрес отправителя. Обычно он должен принадлежать учётной записи, под которой выполнен вход.",
    },
    Advice {
        code: "SEND_AS_DENIED",
        en: "The account that signs in may not send as this sender. Use its own address as sender, or let an administrator grant \"Send As\".",
        ru: "Учётная запись не вправе отправлять от имени этого отправителя. Укажите её собственный адрес или попросите администратора дать право «Отправить как».",
    },
    Advice {
        code: "CHECK_RECIPIENT",
        en: "The server does not take this recipient. Check the address.",
        ru: "Сервер не принимает этого получателя. Проверьте адрес.",
    },
    Advice {
        code: "RECIPIENT_UNKNOWN",
        en: "There is no such mailbox. Check the recipient's address for typing errors.",
        ru: "Такого ящика нет. Проверьте, нет ли опечаток в адресе получателя.",
    },
    Advice {
        code: "MAILBOX_FULL",
        en: "The mailbox is full. The recipient must make room.",
        ru: "Ящик переполнен. Получатель должен освободить место.",
    },
    Advice {
        code: "RELAY_DENIED",
        en: "The server delivers to other domains only after sign-in or from allowed networks. Turn on authentication, or let the server's administrator allow this computer.",
        ru: "Сервер передаёт почту в другие домены только после входа или из разрешённых сетей. Включите проверку подлинности или попросите администратора сервера разрешить этот компьютер.",
    },
    Advice {
        code: "GREYLISTED",
        en: "The server asks unknown senders to come again after some minutes. The mail will be tried again by itself.",
        ru: "Сервер просит незнакомых отправителей повторить через несколько минут. Отправка повторится сама.",
    },
    Advice {
        code: "CONTENT_REFUSED",
        en: "The server refused the content: its filters see spam, a virus, or an attachment that is not allowed. Its answer says more.",
        ru: "Сервер отклонил содержимое: фильтр нашёл спам, вирус или запрещённое вложение. Подробности — в его ответе.",
    },
    Advice {
        code: "TOO_LARGE",
        en: "The message is larger than the server takes. Send fewer pages or a lower resolution, or let the server's limit be raised.",
        ru: "Письмо больше, чем принимает сервер. Отправьте меньше страниц или с меньшим разрешением либо попросите увеличить предел сервера.",
    },
    Advice {
        code: "ASCII_ADDRESS_NEEDED",
        en: "The server cannot take addresses with other than ASCII letters before the @. Use another address of this person.",
        ru: "Сервер не принимает адреса с национальными буквами перед @. Укажите другой адрес этого человека.",
    },
    Advice {
        code: "CHECK_FOLDER",
        en: "A file or folder on this computer could not be used. Check that it exists, that the service may write to it, and that the disk has room.",
        ru: "Не удалось использовать файл или папку на этом компьютере. Проверьте, что она есть, доступна службе для записи и на диске есть место.",
    },
    Advice {
        code: "CHOOSE_CERTIFICATE",
        en: "No certificate can sign for this sender now. `faxpost cert candidates` says what each one lacks; install a valid one for the sender's address, or turn signing off.",
        ru: "Сейчас нет сертификата, которым можно подписать письмо от этого отправителя. Чего не хватает каждому, скажет `faxpost cert candidates`; установите действующий сертификат для адреса отправителя или отключите подпись.",
    },
    Advice {
        code: "INSTALL_KEY",
        en: "The certificate is there, but not its private key. Install the certificate again together with its key (a PKCS#12 file).",
        ru: "Сертификат есть, а его закрытого ключа нет. Установите сертификат заново вместе с ключом (файл PKCS#12).",
    },
    Advice {
        code: "GRANT_KEY",
        en: "The account that signs may not use the private key. An administrator can allow it: `faxpost cert grant`.",
        ru: "Учётной записи, которая подписывает, нельзя пользоваться закрытым ключом. Администратор может это разрешить: `faxpost cert grant`.",
    },
    Advice {
        code: "CHECK_SIGNING",
        en: "The message could not be signed. Check that the key fits the certificate and is RSA from 2048 bits or EC P-256; `faxpost cert check` tries it.",
        ru: "Письмо не удалось подписать. Проверьте, что ключ подходит к сертификату и это RSA от 2048 бит или EC P-256; проба: `faxpost cert check`.",
    },
    Advice {
        code: "MAY_ARRIVE_TWICE",
        en: "The connection broke after the message was sent and before the server confirmed it. It will be sent again, and may arrive twice.",
        ru: "Соединение прервалось после отправки письма, но до подтверждения сервера. Оно будет отправлено снова и может прийти дважды.",
    },
    Advice {
        code: "MAILER_FAILED",
        en: "The process of Faxpost that sends mail ended. It is started again, and the message will be sent again; if this repeats, look at the log of the daemon.",
        ru: "Процесс Faxpost, отправляющий почту, завершился. Он будет запущен снова, и письмо будет отправлено снова; если это повторяется, посмотрите журнал службы.",
    },
    // Why mail is not sent under an account of its own: told by the status.
    Advice {
        code: "MAILER_NOT_ROOT",
        en: "Mail is sent under the account of the daemon: only a daemon that runs as root can use another one.",
        ru: "Почта отправляется под учётной записью самой службы: взять другую может только служба, запущенная от root.",
    },
    Advice {
        code: "MAILER_NO_ACCOUNT",
        en: "Mail is sent under the account of the daemon: there is no user faxpost on this computer. Make one (useradd --system faxpost) and start the daemon again.",
        ru: "Почта отправляется под учётной записью самой службы: на этом компьютере нет пользователя faxpost. Создайте его (useradd --system faxpost) и перезапустите службу.",
    },
    Advice {
        code: "MAILER_SAME_ACCOUNT",
        en: "Mail is sent under the account of the daemon: it is the one that is set for the mailer.",
        ru: "Почта отправляется под учётной записью самой службы: именно она задана для отправки.",
    },
    Advice {
        code: "MAILER_NO_LOGON",
        en: "Mail is sent under the account of the daemon: only a daemon that runs as the Windows service of the system can use that of the network service.",
        ru: "Почта отправляется под учётной записью самой службы: взять учётную запись сетевой службы может только системная служба Windows.",
    },
    Advice {
        code: "OAUTH_TOKEN_REFUSED",
        en: "The mail server does not accept the access token, though the provider gave it. The login must be the address of whoever signed in (for a shared mailbox: the delegate's), and oauth-scope the one for SMTP: leave it empty for the profile's. At Microsoft, \"Authenticated SMTP\" must be allowed for the mailbox, and an application that signs in as itself must be registered in Exchange (up to 30 minutes).",
        ru: "Почтовый сервер не принимает токен доступа, хотя провайдер его выдал. Имя входа должно быть адресом того, кто входил (для общего ящика — адрес доверенного лица), а oauth-scope — областью для SMTP: оставьте его пустым, чтобы взять значение профиля. У Microsoft для ящика должен быть разрешён «SMTP с проверкой подлинности», а приложение с собственным входом — зарегистрировано в Exchange (до 30 минут).",
    },
    Advice {
        code: "OAUTH_SIGN_IN_FIRST",
        en: "The account uses OAuth 2.0, and nobody has signed in to its provider yet: sign in once. The mail is held until then and goes by itself.",
        ru: "Учётная запись использует OAuth 2.0, но вход ещё не выполнен: выполните его один раз. До этого письма удерживаются, затем уйдут сами.",
    },
    Advice {
        code: "OAUTH_SIGN_IN_AGAIN",
        en: "The provider does not accept the sign-in any more: it was revoked, or is over. Sign in again; the mail that is held goes by itself.",
        ru: "Провайдер больше не принимает вход: он отозван или истёк. Выполните вход снова; удержанные письма уйдут сами.",
    },
    Advice {
        code: "OAUTH_UNUSED_TOO_LONG",
        en: "The refresh token is over, because it was not used for too long (Microsoft: 90 days). Sign in again, and leave the service running: it uses the token daily.",
        ru: "Токен обновления истёк: им слишком долго не пользовались (Microsoft: 90 дней). Выполните вход снова и не выключайте службу: она использует токен ежедневно.",
    },
    Advice {
        code: "OAUTH_PASSWORD_CHANGED",
        en: "The password of the account was changed or reset, which ends its sign-ins. Sign in again.",
        ru: "Пароль учётной записи был изменён или сброшен, поэтому входы прекращены. Выполните вход снова.",
    },
    Advice {
        code: "OAUTH_POLICY_WANTS_SIGN_IN",
        en: "A policy of the organisation (multi-factor sign-in, conditional access) wants a person. Sign in again; if it returns, ask the organisation's administrator for an exception, or use client credentials.",
        ru: "Политика организации (многофакторный вход, условный доступ) требует участия человека. Выполните вход снова; если это повторяется, попросите администратора об исключении или используйте вход приложения.",
    },
    Advice {
        code: "OAUTH_USER_DISABLED",
        en: "The provider's account is disabled, locked or deleted. Its administrator must enable it; then sign in again.",
        ru: "Учётная запись у провайдера отключена, заблокирована или удалена. Администратор должен включить её; затем выполните вход снова.",
    },
    Advice {
        code: "OAUTH_CONSENT_NEEDED",
        en: "The person or the organisation has not agreed that this client may send mail. Sign in again and agree; if \"admin approval\" is asked for, an administrator of the organisation must agree once.",
        ru: "Пользователь или организация не дали согласия на отправку почты этим клиентом. Войдите снова и дайте согласие; если требуется одобрение администратора, администратор организации должен дать его один раз.",
    },
    Advice {
        code: "OAUTH_CLIENT_SECRET_OVER",
        en: "The client secret of the registration is over. Make a new one at the provider and set oauth-client-secret; no new sign-in is needed.",
        ru: "Срок секрета клиента истёк. Создайте новый у провайдера и задайте oauth-client-secret; входить снова не нужно.",
    },
    Advice {
        code: "OAUTH_CLIENT_SECRET_WRONG",
        en: "The provider does not accept client ID and client secret. Compare them with the registration; of Microsoft's secrets, the value counts, not the id.",
        ru: "Провайдер не принимает идентификатор и секрет клиента. Сверьте их с регистрацией; у Microsoft нужно значение секрета, а не его идентификатор.",
    },
    Advice {
        code: "OAUTH_PUBLIC_CLIENT_OFF",
        en: "The registration expects a secret. Set the client secret, or allow public client flows in the registration (Microsoft: Authentication, Advanced settings).",
        ru: "Регистрация требует секрет. Задайте секрет клиента или разрешите потоки общедоступных клиентов в регистрации (Microsoft: «Проверка подлинности», дополнительные параметры).",
    },
    Advice {
        code: "OAUTH_CLIENT_UNKNOWN",
        en: "The provider does not know this client ID, or does not allow it this kind of sign-in. Check client ID, tenant and the registration's permissions.",
        ru: "Провайдер не знает этот идентификатор клиента или не разрешает ему такой вход. Проверьте идентификатор, каталог и разрешения регистрации.",
    },
    Advice {
        code: "OAUTH_TENANT_UNKNOWN",
        en: "Microsoft does not know this directory. Check oauth-tenant: the directory's id or one of its domains.",
        ru: "Microsoft не знает такой каталог. Проверьте oauth-tenant: идентификатор каталога или один из его доменов.",
    },
    Advice {
        code: "OAUTH_SCOPE_REFUSED",
        en: "The provider does not grant this scope. Leave oauth-scope empty for the profile's own, and add the permission to the registration.",
        ru: "Провайдер не выдаёт такую область доступа. Оставьте oauth-scope пустым, чтобы взять значение профиля, и добавьте разрешение в регистрацию.",
    },
    Advice {
        code: "OAUTH_TOO_LATE",
        en: "The code was not entered in time. Begin again.",
        ru: "Код не был введён вовремя. Начните сначала.",
    },
    Advice {
        code: "OAUTH_NO_REFRESH_TOKEN",
        en: "The access token is over, and the provider gave nothing to renew it with. Sign in again; at Microsoft the scope needs offline_access.",
        ru: "Токен доступа истёк, а для его обновления провайдер ничего не выдал. Выполните вход снова; у Microsoft в области доступа нужно offline_access.",
    },
    Advice {
        code: "OAUTH_UNREACHABLE",
        en: "The provider cannot be reached from here. Check the network, the proxy (HTTPS_PROXY in the service's environment) and the firewall: its endpoints answer on port 443. It is tried again by itself.",
        ru: "Провайдер отсюда недоступен. Проверьте сеть, прокси (HTTPS_PROXY в окружении службы) и межсетевой экран: провайдер отвечает на порту 443. Попытка повторится сама.",
    },
    Advice {
        code: "OAUTH_PROVIDER_BUSY",
        en: "The provider cannot answer just now. It is asked again by itself.",
        ru: "Провайдер сейчас не может ответить. Запрос повторится сам.",
    },
    Advice {
        code: "OAUTH_CHECK_ENDPOINTS",
        en: "What answered is not an OAuth 2.0 endpoint. Check the endpoints, and whether a proxy or a sign-in page of the network stands between.",
        ru: "Ответил не сервер OAuth 2.0. Проверьте адреса и нет ли на пути прокси или страницы входа в сеть.",
    },
    Advice {
        code: "OAUTH_CHECK_CLIENT",
        en: "The provider refused the request. Check client ID, client secret, scope and the registration; its words above say more.",
        ru: "Провайдер отклонил запрос. Проверьте идентификатор и секрет клиента, область доступа и регистрацию; его слова выше говорят больше.",
    },
];

/// The advice of that code, or `None` for a code this version does not know.
#[must_use]
pub fn text(code: &str, language: Language) -> Option<&'static str> {
    let advice = ADVICE.iter().find(|advice| advice.code == code)?;
    Some(match language {
        Language::En => advice.en,
        Language::Ru => advice.ru,
    })
}

/// The code of an English text.
#[must_use]
pub fn code_of(english: &str) -> Option<&'static str> {
    ADVICE.iter().find(|advice| advice.en == english).map(|advice| advice.code)
}

/// All codes.
pub fn codes() -> impl Iterator<Item = &'static str> {
    ADVICE.iter().map(|advice| advice.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_every_code_has_a_text_of_its_own_in_both_languages() {
        let mut seen = std::collections::HashSet::new();
        for advice in ADVICE {
            assert!(seen.insert(advice.code), "{} stands there twice", advice.code);
            assert!(advice.code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{}", advice.code);
            assert!(advice.en.ends_with('.') && advice.en.is_ascii(), "{}", advice.code);
            assert!(advice.ru.ends_with('.'), "{}", advice.code);
            assert!(advice.ru.chars().any(|c| ('а'..='я').contains(&c)), "{}", advice.code);
        }
        assert_eq!(text("NOT_TOLD_YET", Language::En), None);
    }
}
