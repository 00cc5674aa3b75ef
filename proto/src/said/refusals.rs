//! Of refusals: who may not what, what there is not, and what is wrong with a message.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // callers
    (
        "you have too many connections open; close some",
        "у вас открыто слишком много соединений; закройте часть",
    ),
    (
        "you have too many calls under way; wait for some to end",
        "у вас идёт слишком много вызовов; дождитесь, пока часть закончится",
    ),
    (
        "your calls under way, or those of all callers, have as many bytes as they may; wait for some to end",
        "ваши вызовы или вызовы всех вместе уже занимают всю отведённую память; дождитесь, пока часть закончится",
    ),
    (
        "the operating system did not say who is calling, so nothing is allowed",
        "операционная система не сообщила, кто вызывает, поэтому не разрешено ничего",
    ),
    (
        "you are {}, with the role {}, and may not call {}; an administrator can allow it: {}",
        "вы — {}, ваша роль — {}, и вызывать {} вам нельзя; разрешить может администратор: {}",
    ),
    (
        "you are {}, have no role here, and may do nothing",
        "вы — {}, роли здесь у вас нет, и вам нельзя ничего",
    ),
    ("nothing came for {} seconds; the call was ended", "ничего не приходило {} секунд; вызов прерван"),
    (
        "the request is larger than this method takes; send large mails with SendMailStream",
        "запрос больше, чем этот метод принимает; большие письма отправляйте через SendMailStream",
    ),
    // the daemon
    (
        "the disk of the daemon's state folder is full; nothing was accepted or changed, try again later",
        "диск с папкой данных службы заполнен; ничего не принято и не изменено, повторите позже",
    ),
    (
        "the daemon's database failed; nothing was accepted or changed. The daemon's log says why",
        "база данных службы отказала; ничего не принято и не изменено. Причина — в журнале службы",
    ),
    (
        "the daemon is stopping; try again when it is back",
        "служба останавливается; повторите, когда она вернётся",
    ),
    ("the daemon failed at this; its log says why", "службе это не удалось; причина — в её журнале"),
    (
        "the request is not a message of this method; client and daemon may not fit together",
        "запрос — не сообщение этого метода; возможно, программа и служба разных версий",
    ),
    (
        "the request was cut off before its end; nothing was accepted",
        "запрос оборвался до конца; ничего не принято",
    ),
    ("{} more than can be told here, and {}", "ещё {} здесь не уместились; {}"),
    (
        "this daemon waits for its database, which is being moved, or which daemons of an earlier version work on. Nothing was accepted \
         or changed; try again later",
        "эта служба ждёт свою базу данных: её переносят, или с ней ещё работают службы прежней версии. Ничего не принято и не изменено; \
         повторите позже",
    ),
    (
        "the daemon's database server is away; nothing was accepted or changed, try again later. The daemon's log says why",
        "сервер базы данных службы недоступен; ничего не принято и не изменено, повторите позже. Причина — в журнале службы",
    ),
    (
        "the daemon's database server went away during the change, which may have been made; repeat a message with the same request_id, \
         and look at other things before they are repeated",
        "сервер базы данных службы пропал во время изменения, и оно могло быть сделано; письмо повторите с тем же request_id, а прежде чем \
         повторять другое, посмотрите, не сделано ли оно",
    ),
    ("a page size is not negative", "размер страницы не бывает отрицательным"),
    ("not a token of an earlier page; begin without one", "это не метка прежней страницы; начните без неё"),
    // accounts
    ("there is an account {} already", "учётная запись {} уже есть"),
    ("required: the etag of the account as you read it", "обязательно: etag прочитанной учётной записи"),
    ("not an etag", "это не etag"),
    ("required: the fields to change", "обязательно: поля, которые нужно изменить"),
    ("an account has no field {}", "поля {} у учётной записи нет"),
    ("{} is not one of its values", "значения {} у него нет"),
    ("{} cannot be set", "{} задать нельзя"),
    ("1 to {} accounts can be imported at once", "за один раз можно загрузить от 1 до {} учётных записей"),
    ("the account {} is there twice", "учётная запись {} здесь дважды"),
    (
        "secrets are not imported: set them account by account, by UpdateAccount",
        "секреты не загружаются: задайте их у каждой учётной записи отдельно (UpdateAccount)",
    ),
    (
        "too many servers are being looked for, for you or for all callers; wait for one of these calls to end",
        "идёт слишком много поисков сервера, у вас или у всех вместе; дождитесь, пока один закончится",
    ),
    ("there is no revision {} of an account", "версии {} ни у одной учётной записи нет"),
    (
        "the account default always exists; change it instead",
        "учётная запись default есть всегда; вместо этого измените её",
    ),
    (
        "account {} has unfinished messages; wait for them or cancel them first",
        "у учётной записи {} есть незаконченные письма; сначала дождитесь их или отмените",
    ),
    (
        "revision {} deleted the account {}; name one from before",
        "в версии {} учётная запись {} удалена; назовите более раннюю",
    ),
    (
        "revision {} is one of the account {}, revision {} of {}; compare two of the same",
        "версия {} — у записи {}, версия {} — у {}; сравнивать можно две версии одной",
    ),
    (
        "an account's id has 1 to 32 characters of a-z, 0-9 and -, and begins with a letter",
        "в имени учётной записи от 1 до 32 символов a-z, 0-9 и -, первый — буква",
    ),
    ("{} is not available on this host: {}", "{} на этом компьютере недоступен: {}"),
    (
        "the stored password belongs to the saved server, port, security, TLS check, login and proxy, to the method that signs in and, without TLS, to its mechanism; give the password for this test",
        "сохранённый пароль относится к сохранённым серверу, порту, защите, проверке TLS, логину и прокси, к способу, который входит, а без TLS и к механизму; укажите пароль для этой проверки",
    ),
    (
        "the sign-in belongs to the saved client, endpoints, server, port, security, TLS check and login; save the change and sign in again to test it",
        "вход относится к сохранённым клиенту, адресам, серверу, порту, защите, проверке TLS и логину; чтобы проверить изменение, сохраните его и войдите снова",
    ),
    (
        "the account's password cannot be used: {}; set it anew",
        "паролем учётной записи не воспользоваться: {}; задайте его снова",
    ),
    ("no access token: {}", "нет токена доступа: {}"),
    ("{}; sign in, and the mail goes", "{}; войдите, и почта уйдёт"),
    ("{}; sign in again, and the mail goes", "{}; войдите снова, и почта уйдёт"),
    ("preset {}", "встроенные настройки {}"),
    // policy and requests
    (
        "no such method; `faxpost policy show` lists them",
        "такого метода нет; все показывает `faxpost policy show`",
    ),
    (
        "administrators cannot take GetPolicy and UpdatePolicy from themselves, nobody could give them back",
        "администраторы не могут отнять у себя GetPolicy и UpdatePolicy: вернуть их было бы некому",
    ),
    (
        "{} cannot need approval: only what changes certificates and keys can be carried out later; allow or deny it",
        "{} не может требовать одобрения: позже выполнить можно только изменения сертификатов и ключей; разрешите или запретите",
    ),
    ("required: administrator, service or user", "обязательно: administrator, service или user"),
    (
        "allow, deny, approval, or nothing for the default",
        "allow, deny, approval или ничего — как по умолчанию",
    ),
    ("required: the number of a request", "обязательно: номер заявки"),
    (
        "required: the digest of the request as it was shown, 64 hex digits",
        "обязательно: отпечаток заявки, как она показана, 64 шестнадцатеричные цифры",
    ),
    (
        "an administrator must approve this: it is request {} now, and is done as soon as he does; follow it with: faxpost request show {}",
        "это должен одобрить администратор: теперь это заявка {}, и сделано будет, как только он одобрит; следить: faxpost request show {}",
    ),
    (
        "you have {} requests that wait for an administrator; wait for a decision, or withdraw some: faxpost request list",
        "администратора ждут уже {} ваших заявок; дождитесь решения или отзовите часть: faxpost request list",
    ),
    (
        "{} requests wait for an administrator already; one must decide some first",
        "администратора ждут уже {} заявок; сначала он должен решить часть",
    ),
    (
        "what is asked for is too large to wait for an administrator; ask him to do it himself",
        "то, о чём вы просите, слишком велико, чтобы ждать администратора; попросите его сделать это самому",
    ),
    (
        "the role {} may not call {} any more, not even with approval; refuse request {}",
        "роли {} больше нельзя вызывать {} даже с одобрения; откажите в заявке {}",
    ),
    (
        "the daemon was stopped while it was carried out; look whether it was done, and ask again if it was not",
        "службу остановили во время выполнения; посмотрите, сделано ли это, и если нет — попросите снова",
    ),
    (
        "the stored request is not what was asked for, or not as it is shown: the database was changed, or its key. Nothing was done",
        "сохранённая заявка — не та, о которой просили, или не такая, как показана: изменена база данных или её ключ. Ничего не сделано",
    ),
    ("there is no request {} of yours", "вашей заявки {} нет"),
    ("there is no request {}", "заявки {} нет"),
    (
        "request {} is your own; another administrator must approve it",
        "заявка {} — ваша собственная; одобрить её должен другой администратор",
    ),
    (
        "request {} is {} and cannot be decided any more",
        "состояние заявки {} — {}, решать по ней больше нечего",
    ),
    (
        "request {} is about the certificates of {}; approve it there",
        "заявка {} — о сертификатах машины {}, одобрять её нужно там",
    ),
    (
        "request {} is not what was shown to you; look at it again",
        "заявка {} — не та, что вам показали; посмотрите на неё снова",
    ),
    // certificates
    (
        "there is no certificate {} in the machine's store; `faxpost cert list` shows what is there",
        "сертификата {} в хранилище компьютера нет; что в нём есть, показывает `faxpost cert list`",
    ),
    (
        "a fingerprint is written in hexadecimal digits: 64 of SHA-256, 40 of SHA-1, or at least the first 8 of either",
        "отпечаток — это шестнадцатеричные цифры: 64 для SHA-256, 40 для SHA-1 или хотя бы первые 8",
    ),
    (
        "{} is the beginning of several fingerprints; give more of it",
        "с {} начинаются несколько отпечатков; укажите больше цифр",
    ),
    (
        "the account {} signs with this certificate; let it sign with another one first",
        "этим сертификатом подписывает учётная запись {}; сначала пусть подписывает другим",
    ),
    (
        "the accounts {} sign with this certificate; let them sign with another one first",
        "этим сертификатом подписывают учётные записи {}; сначала пусть подписывают другим",
    ),
    (
        "there is no account {} on this machine; give a user's name, \"uid:\" and a number, or a SID",
        "записи {} на этом компьютере нет; укажите имя пользователя, \"uid:\" и число или SID",
    ),
    ("required: a PKCS#12 file, or pem with key_pem", "обязательно: файл PKCS#12 или pem вместе с key_pem"),
    ("give either pkcs12, or pem with key_pem", "укажите либо pkcs12, либо pem вместе с key_pem"),
    ("at most {} certificates are judged at once", "за один раз оценивается не больше {} сертификатов"),
    ("required: from whom the key is taken", "обязательно: у кого отнять ключ"),
    (
        "required: the id of a request, 64 hexadecimal digits",
        "обязательно: имя запроса, 64 шестнадцатеричные цифры",
    ),
    ("the certificates cannot be read", "сертификаты не прочитать"),
    (
        "the message is not from exactly one address, so nobody can sign it",
        "у письма не ровно один отправитель, поэтому подписать его нельзя",
    ),
    // messages
    ("there is no message {} of yours", "вашего письма {} нет"),
    ("there is no message {}", "письма {} нет"),
    ("there is no log entry {} of yours", "вашей записи {} в журнале нет"),
    ("there is no log entry {}", "записи {} в журнале нет"),
    (
        "log entry {} has no transcript: nothing was said to a server",
        "у записи журнала {} нет диалога: с сервером не говорили",
    ),
    (
        "a message needs at least one recipient in to, cc or bcc",
        "письму нужен хотя бы один получатель: to, cc или bcc",
    ),
    (
        "{} recipients are more than {}; send several messages",
        "получателей {}, больше {}; отправьте несколько писем",
    ),
    ("has {} entries, more than {}", "здесь {} записей, больше {}"),
    (
        "must be one address; give several as several entries, and a name with a comma in quotes",
        "нужен один адрес; несколько указываются по отдельности, а имя с запятой — в кавычках",
    ),
    ("has a < or > that does not stand around an address", "есть < или >, которые стоят не вокруг адреса"),
    ("has a quote, a bracket or a parenthesis that is not closed", "есть незакрытая кавычка или скобка"),
    ("has an empty address", "есть пустой адрес"),
    ("has more than {} addresses", "больше {} адресов"),
    (
        "has {}, a name without @ that [sendmail.aliases] of faxpostd.toml does not know",
        "имя {} без @: в [sendmail.aliases] файла faxpostd.toml его нет",
    ),
    ("the header has more than {} octets or {} fields", "в заголовке больше {} байт или {} полей"),
    ("{} has a word that no line can hold", "{}: слово длиннее любой строки"),
    ("the message has more than {} parts", "в письме больше {} частей"),
    ("more than {} recipients; send several messages", "больше {} получателей; отправьте несколько писем"),
    ("the first part is `envelope`", "первая часть — `envelope`"),
    ("the first part is `mail`", "первая часть — `mail`"),
    ("`mail` comes once, as the first part", "`mail` бывает один раз, первой частью"),
    ("a part is `mail`, `attachment` or `chunk`", "часть — это `mail`, `attachment` или `chunk`"),
    ("a `chunk` comes after its `attachment`", "`chunk` идёт после своего `attachment`"),
    ("a chunk has at most {} bytes", "в куске не больше {} байт"),
    ("a message has at most {} attachments", "вложений в письме не больше {}"),
    (
        "an attachment changed after the message was composed",
        "вложение изменилось, когда письмо уже было составлено",
    ),
    ("success, failure and delay, or never alone", "success, failure и delay либо только never"),
    (
        "your unfinished messages in the outbox would have more than {} bytes, as many as one caller's may; wait for some to be delivered",
        "ваши незаконченные письма в исходящих заняли бы больше {} байт, а больше одному нельзя; дождитесь доставки части",
    ),
    ("has a < without a > at its end", "есть < без > в конце"),
    ("has a name of more than {} characters", "имя длиннее {} символов"),
    ("needs brackets around the IP address: {}", "IP-адрес пишется в скобках: {}"),
    (
        "has an address with characters before the @ that are not ASCII",
        "в адресе перед @ есть символы не из ASCII",
    ),
    ("has a line break or another control character", "есть перевод строки или другой управляющий символ"),
    ("is empty or no name of a file", "пусто или не имя файла"),
    ("has a path separator: give the name alone", "есть разделитель пути: укажите только имя"),
    ("is no MIME type such as image/tiff", "это не тип MIME вроде image/tiff"),
    ("is multipart, which an attachment cannot be", "это multipart, а вложение таким не бывает"),
    (
        "may have printable ASCII characters only, and no colon",
        "допустимы только печатные символы ASCII, без двоеточия",
    ),
    ("is {}, which is not for callers to set", "это {}, а его задаёт не отправляющий"),
    ("is no name of a header field", "это не имя поля заголовка"),
    (
        "the message has {} bytes before encoding, more than the {} that are allowed",
        "в письме до кодирования {} байт, больше разрешённых {}",
    ),
    ("the message has more than the {} bytes that are allowed", "в письме больше {} разрешённых байт"),
    (
        "the attachments have more than the {} bytes that are allowed",
        "во вложениях больше {} разрешённых байт",
    ),
    (
        "you have {} unfinished messages in the outbox, as many as one caller may; wait for some to be delivered",
        "у вас в исходящих {} незаконченных писем, больше одному нельзя; дождитесь доставки части",
    ),
    (
        "this request id was used before for another message; use a new one for a new message",
        "этот идентификатор запроса уже был у другого письма; для нового нужен новый",
    ),
    (
        "a request id has at most 128 characters, none of them a control character",
        "в идентификаторе запроса не больше 128 символов, без управляющих",
    ),
    ("at most a year ahead", "не больше чем на год вперёд"),
    ("each occasion once", "каждый случай один раз"),
    ("{} fields are more than the {} that can be set at once", "полей {}, а за один раз можно задать {}"),
    (
        "you have changed accounts as often as one caller may; each minute some more changes are possible",
        "вы меняли учётные записи так часто, как одному можно; каждую минуту можно ещё несколько раз",
    ),
    ("at most {} characters", "не больше {} символов"),
];
