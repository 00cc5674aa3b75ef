; The installer for Windows, made by build.sh. Silent: /S; another folder: /D=C:\path (last, without quotes).
; Uninstalled silently it keeps the data, unless /REMOVEDATA is given; which folder that is, the service knows.
;
; What a service is (start, recovery, privileges, Event Log, PATH) faxpostd knows itself; here are files and shortcuts only.
; Exit codes: 0 done, 1 cancelled, 2 failed, 3 a newer version is there, 4 the service cannot be registered, 5 it does not start,
; 6 others than administrators may change the chosen folder or one above it.

Unicode true
Target amd64-unicode
ManifestDPIAware true
SetCompressor /SOLID ${COMPRESSOR}

!include MUI2.nsh
!include FileFunc.nsh
!include TextFunc.nsh
!include WordFunc.nsh
!include LogicLib.nsh

!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Faxpost"

Name "Faxpost"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Faxpost"
RequestExecutionLevel admin
ShowInstDetails show
VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "Faxpost"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Faxpost installer"
VIAddVersionKey LegalCopyright "The Faxpost authors"

!define MUI_ICON "faxpost.ico"
!define MUI_UNICON "faxpost.ico"
!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "${ROOT}/LICENSE-MIT"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!ifdef GUI
    !define MUI_FINISHPAGE_RUN "$INSTDIR\faxpost-gui.exe"
!endif
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "Russian"

LangString NEWER ${LANG_ENGLISH} "A newer version of Faxpost is installed. Its data could not be read by this one; remove the newer one first if you are sure."
LangString NEWER ${LANG_RUSSIAN} "Установлена более новая версия Faxpost. Её данные эта версия прочесть не сможет; если уверены, сначала удалите новую."
LangString OPEN_FOLDER ${LANG_ENGLISH} "Faxpost is not put into this folder: others than administrators could change its programs there, and Windows runs them with all rights. Choose another one, e.g. below Program Files."
LangString OPEN_FOLDER ${LANG_RUSSIAN} "В эту папку Faxpost не устанавливается: программы в ней могли бы изменить не только администраторы, а Windows запускает их со всеми правами. Выберите другую, например в Program Files."
LangString NOT_REGISTERED ${LANG_ENGLISH} "The service cannot be registered:"
LangString NOT_REGISTERED ${LANG_RUSSIAN} "Не удаётся зарегистрировать службу:"
LangString NOT_STARTED ${LANG_ENGLISH} "Faxpost is installed, but its service does not start:"
LangString NOT_STARTED ${LANG_RUSSIAN} "Faxpost установлен, но служба не запускается:"
LangString REMOVE_DATA ${LANG_ENGLISH} "Remove the data, too: accounts, passwords, waiting mail and the log? Nobody can bring them back.$\r$\n$\r$\n$R1"
LangString REMOVE_DATA ${LANG_RUSSIAN} "Удалить и данные: учётные записи, пароли, ждущие письма и журнал? Вернуть их будет нельзя.$\r$\n$\r$\n$R1"
LangString NOT_UNINSTALLED ${LANG_ENGLISH} "Not everything could be removed:"
LangString NOT_UNINSTALLED ${LANG_RUSSIAN} "Удалено не всё:"

; What the daemon says is shown in English: what a program writes into a pipe, this one takes for the system's old code page.
!define DAEMON '"$INSTDIR\faxpostd.exe" --lang en'

; A program that runs cannot be overwritten, but renamed: the window may be open.
!macro Replace NAME
    Delete "$INSTDIR\${NAME}.old"
    ${If} ${FileExists} "$INSTDIR\${NAME}"
        Rename "$INSTDIR\${NAME}" "$INSTDIR\${NAME}.old"
        Delete /REBOOTOK "$INSTDIR\${NAME}.old"
    ${EndIf}
    File "${BINARIES}/${NAME}"
!macroend

; By the daemon that comes with this: what stands in the folder may be somebody else's. What may be written there by others is left alone.
!macro CheckFolder
    nsExec::ExecToStack '"$PLUGINSDIR\faxpostd.exe" --lang en check-folder "$INSTDIR"'
    Pop $0
    Pop $1
    ${If} $0 != 0
        DetailPrint $1
        MessageBox MB_OK|MB_ICONSTOP "$(OPEN_FOLDER)$\r$\n$\r$\n$1" /SD IDOK
        SetErrorLevel 6
        Abort
    ${EndIf}
!macroend

Function .onInit
    SetShellVarContext all
    ReadRegStr $0 HKLM "${UNINSTALL_KEY}" "DisplayVersion"
    ${If} $0 != ""
        ${VersionCompare} "$0" "${VERSION}" $1
        ${If} $1 == 1
            MessageBox MB_OK|MB_ICONSTOP "$(NEWER)" /SD IDOK
            SetErrorLevel 3
            Quit
        ${EndIf}
        ; Where it is, unless another folder was given.
        ReadRegStr $0 HKLM "${UNINSTALL_KEY}" "InstallLocation"
        ${If} $0 != ""
        ${AndIf} $INSTDIR == "$PROGRAMFILES64\Faxpost"
            StrCpy $INSTDIR $0
        ${EndIf}
    ${EndIf}
FunctionEnd

Section
    SetShellVarContext all
    InitPluginsDir
    SetOutPath "$PLUGINSDIR"
    File "${BINARIES}/faxpostd.exe"
    ; Before the old service ends: a refusal leaves everything as it is.
    !insertmacro CheckFolder
    ; Ends when what is under way has ended; there may be none. By the daemon that comes with this, in a folder of this process:
    ; what stands in the chosen one may be somebody else's, and would be started with all rights.
    nsExec::ExecToLog '"$PLUGINSDIR\faxpostd.exe" --lang en stop'
    Pop $0
    SetOutPath "$INSTDIR"
    ; Somebody could have made it first.
    !insertmacro CheckFolder
    !insertmacro Replace faxpostd.exe
    !insertmacro Replace faxpost-mailer.exe
    !insertmacro Replace faxpost.exe
!ifdef GUI
    !insertmacro Replace faxpost-gui.exe
!endif
    File "faxpost.ico"
    File "/oname=LICENSE-MIT.txt" "${ROOT}/LICENSE-MIT"
    File "/oname=LICENSE-APACHE.txt" "${ROOT}/LICENSE-APACHE"
    File "/oname=README.md" "${ROOT}/README.md"
    File "/oname=README.ru.md" "${ROOT}/README.ru.md"
    SetOutPath "$INSTDIR\docs\images"
    File "${ROOT}/docs/images/*.png"
    SetOutPath "$INSTDIR\docs"
    File "${ROOT}/docs/*.md"
    SetOutPath "$INSTDIR"
    WriteUninstaller "$INSTDIR\uninstall.exe"

    WriteRegStr HKLM "${UNINSTALL_KEY}" "DisplayName" "Faxpost"
    WriteRegStr HKLM "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
    WriteRegStr HKLM "${UNINSTALL_KEY}" "Publisher" "The Faxpost authors"
    WriteRegStr HKLM "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\faxpost.ico"
    WriteRegStr HKLM "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
    WriteRegStr HKLM "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr HKLM "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
    WriteRegDWORD HKLM "${UNINSTALL_KEY}" "NoModify" 1
    WriteRegDWORD HKLM "${UNINSTALL_KEY}" "NoRepair" 1
    ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
    WriteRegDWORD HKLM "${UNINSTALL_KEY}" "EstimatedSize" $0

    CreateDirectory "$SMPROGRAMS\Faxpost"
!ifdef GUI
    CreateShortcut "$SMPROGRAMS\Faxpost\Faxpost.lnk" "$INSTDIR\faxpost-gui.exe" "" "$INSTDIR\faxpost.ico"
!endif
    ; Begins in the home of whoever opens it, with what Faxpost says about itself.
    CreateShortcut "$SMPROGRAMS\Faxpost\Faxpost (command line).lnk" "$SYSDIR\cmd.exe" '/k "$INSTDIR\faxpost.exe" status' "$INSTDIR\faxpost.ico"

    ; The folder is named at first, so that no variable of a service's environment leads it elsewhere; later it stays where it is.
    ReadRegStr $0 HKLM "SYSTEM\CurrentControlSet\Services\Faxpost" "ImagePath"
    ${If} $0 == ""
        nsExec::ExecToStack '${DAEMON} install --add-to-path --state-dir "$APPDATA\Faxpost"'
    ${Else}
        nsExec::ExecToStack '${DAEMON} install --add-to-path'
    ${EndIf}
    Pop $0
    Pop $1
    DetailPrint $1
    ${If} $0 != 0
        MessageBox MB_OK|MB_ICONSTOP "$(NOT_REGISTERED)$\r$\n$1" /SD IDOK
        SetErrorLevel 4
        Abort
    ${EndIf}
    ; Programs that are opened from now on have the new PATH.
    SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=2000
    nsExec::ExecToStack '${DAEMON} start'
    Pop $0
    Pop $1
    DetailPrint $1
    ${If} $0 != 0
        MessageBox MB_OK|MB_ICONEXCLAMATION "$(NOT_STARTED)$\r$\n$1" /SD IDOK
        SetErrorLevel 5
    ${EndIf}
SectionEnd

Function un.onInit
    SetShellVarContext all
FunctionEnd

Section Uninstall
    SetShellVarContext all
    ; Its last line ends with a line break.
    nsExec::ExecToStack '${DAEMON} state-dir'
    Pop $0
    Pop $R1
    ${TrimNewLines} $R1 $R1
    StrCpy $R0 ""
    ${GetParameters} $0
    ClearErrors
    ${GetOptions} $0 "/REMOVEDATA" $1
    ${IfNot} ${Errors}
        StrCpy $R0 "--remove-data"
    ${ElseIf} ${FileExists} "$R1\*.*"
        MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(REMOVE_DATA)" /SD IDNO IDNO keep
        StrCpy $R0 "--remove-data"
        keep:
    ${EndIf}

    ; Stops it first. When there is no service any more, there is nothing to do but for the data, if they are to go, too.
    nsExec::ExecToStack '${DAEMON} uninstall $R0'
    Pop $0
    Pop $1
    DetailPrint $1
    ${If} $0 != 0
    ${AndIf} $R0 != ""
        MessageBox MB_OK|MB_ICONEXCLAMATION "$(NOT_UNINSTALLED)$\r$\n$1" /SD IDOK
    ${EndIf}
    SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=2000
    Delete /REBOOTOK "$INSTDIR\faxpostd.exe"
    Delete /REBOOTOK "$INSTDIR\faxpost-mailer.exe"
    Delete /REBOOTOK "$INSTDIR\faxpost.exe"
    Delete /REBOOTOK "$INSTDIR\faxpost-gui.exe"
    Delete "$INSTDIR\*.old"
    Delete "$INSTDIR\faxpost.ico"
    Delete "$INSTDIR\LICENSE-MIT.txt"
    Delete "$INSTDIR\LICENSE-APACHE.txt"
    Delete "$INSTDIR\README.md"
    Delete "$INSTDIR\README.ru.md"
    RMDir /r "$INSTDIR\docs"
    Delete "$SMPROGRAMS\Faxpost\Faxpost.lnk"
    Delete "$SMPROGRAMS\Faxpost\Faxpost (command line).lnk"
    RMDir "$SMPROGRAMS\Faxpost"
    DeleteRegKey HKLM "${UNINSTALL_KEY}"
    ; The end, also for who waits for it.
    Delete "$INSTDIR\uninstall.exe"
    RMDir "$INSTDIR"
SectionEnd
