//! Русский.

use super::Words;

/// Russian.
pub const RU: Words = Words {
    error: "faxpostd: ошибка",
    failed: "faxpostd: служба не работает; подробности, как и журнал, по-английски",
    systemds: |way| format!("в Linux службой управляет systemd, её описания поставляются с пакетом: {way}"),
    not_typed: "так службу запускает сама Windows; используйте `faxpostd start` или, на переднем плане, `faxpostd run`",

    registered: "Служба Faxpost зарегистрирована и запускается вместе с компьютером. Запустить сейчас: faxpostd start",
    up_to_date: "Служба Faxpost уже была зарегистрирована, регистрация обновлена; запущенное работает до перезапуска.",
    lacks: |names| format!("В этой системе нет настроек службы: {names}."),
    removed: "Служба Faxpost удалена. Её данные (учётные записи, письма, журнал) остались на месте.",
    removed_with_data: |folder| format!("Служба Faxpost удалена вместе с её данными: {}", folder.display()),
    others_kept: |folder, names| {
        format!("Служба Faxpost удалена, её данные в {} тоже. Чужое там оставлено: {names}", folder.display())
    },
    no_data: |folder| format!("Служба Faxpost удалена. Папки данных {} не было.", folder.display()),
    runs: "Служба Faxpost работает.",
    runs_already: "Она уже работает.",
    ended: "Служба Faxpost завершилась.",
    not_running: "Она не была запущена.",

    moved: |rows, bodies| {
        format!("Всё перенесено и сверено: строк — {rows}, больших ждущих писем — {bodies}.\n")
    },
    moved_before: "Всё уже было перенесено; ничего не сделано.\n",
    moved_to_server: |url| {
        format!("Впишите url = \"{url}\" в раздел [store] файла faxpostd.toml и запустите службу.")
    },
    moved_from_server: |url| {
        format!("Уберите url = \"{url}\" из раздела [store] файла faxpostd.toml и запустите службу.")
    },
    moved_lost: |count| {
        format!("Ждущие письма, чей текст был потерян ещё раньше: {count}. Отправить их не удастся.")
    },

    others_service: |line| {
        format!("служба Faxpost принадлежит другой программе ({line}); сначала удалите её")
    },
    open_program: |path, who| {
        format!(
            "{} могут изменить не только администраторы ({who}) и так получить права системы; поместите программы туда, \
             куда пишут только администраторы, например в %ProgramFiles%",
            path.display()
        )
    },
    cannot_look: |path| format!("не удаётся узнать, кто может изменить {}", path.display()),
    no_path: "программа не знает, где она находится",
    no_text: "командная строка службы — не текст",
    source_not_registered: "не удаётся зарегистрировать источник Faxpost в журнале событий",
    source_not_removed: "не удаётся удалить источник Faxpost из журнала событий",
    path_not_changed: "не удаётся изменить PATH компьютера",
    not_set: |name| format!("не удаётся задать настройку службы ({name})"),
    nothing_to_remove: "на этом компьютере нет службы Faxpost; ничего не сделано",
    ended_at_once: |how| {
        format!(
            "служба сразу завершилась ({how}); причина — в журнале событий («Приложение», источник Faxpost), подробнее — в \
             log\\faxpostd.log папки данных"
        )
    },
    own_code: |code| format!("собственная ошибка {code}"),
    does_not_come_up: "служба не запускается до конца; её журнал показывает, на чём она стоит",
    does_not_end: "служба не завершается; её журнал показывает, чего она ждёт",
    administrators_only: "это могут только администраторы: откройте консоль командой «Запуск от имени администратора»",
    not_registered: "на этом компьютере нет службы Faxpost: зарегистрируйте её командой `faxpostd install`",
    being_removed: "служба удаляется, но кто-то её ещё держит: закройте services.msc и диспетчер задач",
    refused: "диспетчер служб Windows отказывает",
    not_handed_over: "службу не удаётся передать Windows",
    data_kept: |folder| {
        format!("служба удалена, а папка данных {} оставлена; удалите её вручную", folder.display())
    },
    not_ours: "в ней нет ни базы данных, ни ключа Faxpost",
};
