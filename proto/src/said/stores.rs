//! Why a daemon does not work on a store, or does not move it.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // the address
    (
        "the store's address is not of the form postgres://user@host:port/database",
        "адрес хранилища должен быть вида postgres://пользователь@сервер:порт/база",
    ),
    (
        "the store's address begins with {}:// instead of postgres://",
        "адрес хранилища начинается с {}://, а нужно postgres://",
    ),
    (
        "the store's address holds a password, which everybody could read there; put it into a file that only the service can read, \
         and name that file as password-file in [store] of faxpostd.toml, or give it as the systemd credential faxpost-store-password",
        "в адресе хранилища есть пароль, там его прочтёт кто угодно; запишите его в файл, доступный только службе, и назовите этот файл \
         в password-file раздела [store] файла faxpostd.toml или передайте пароль как systemd credential faxpost-store-password",
    ),
    ("the store's address names no {}", "в адресе хранилища не указано: {}"),
    // the key
    (
        "the secrets of {} are sealed under a key that this machine does not have: run `faxpostd invite` on a machine that works on it, \
         and then `faxpostd join` here",
        "секреты хранилища {} зашифрованы ключом, которого на этой машине нет: выполните `faxpostd invite` на машине, которая с ним \
         работает, а затем здесь `faxpostd join`",
    ),
    // moving
    ("there is no {} in {}, so nothing that could be moved", "файла {} в папке {} нет, переносить нечего"),
    (
        "a daemon works on {}; stop all of them before its store is moved",
        "с хранилищем {} работает служба; остановите все службы, прежде чем его переносить",
    ),
    (
        "mail that was accepted while the database was away waits here; start the daemon once, so that it is handed over",
        "здесь ждут письма, принятые, пока база данных была недоступна; запустите службу один раз, чтобы она их передала",
    ),
    ("{} holds nothing that could be moved", "в хранилище {} нечего переносить"),
    (
        "accounts, mail and log were moved from {} to {} on {}: use that one ([store] in faxpostd.toml). To use this one nevertheless, \
         stop the daemon there and start `faxpostd run --reclaim` once; what waited at that time may then be sent from both, and what \
         came since is only there",
        "учётные записи, письма и журнал перенесены из {} в {} {}: работайте с ним ([store] в faxpostd.toml). Чтобы всё же вернуться к \
         этому, остановите службу там и один раз запустите `faxpostd run --reclaim`; то, что тогда ждало отправки, может уйти из обоих, а \
         пришедшее с тех пор есть только там",
    ),
    (
        "{} holds only a part of what `faxpostd migrate` was moving there from {}: run that command again to the end, or go on with {}",
        "в {} только часть того, что `faxpostd migrate` переносила туда из {}: доведите эту команду до конца или работайте с {}",
    ),
];
