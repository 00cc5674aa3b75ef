//! The double as objects of COM: a server of its own, started by COM, so that the program under test needs to know nothing.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // COM exists as raw calls only.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use windows::Win32::Foundation::{
    CLASS_E_NOAGGREGATION, DISP_E_EXCEPTION, DISP_E_TYPEMISMATCH, DISP_E_UNKNOWNNAME, E_NOTIMPL,
};
use windows::Win32::System::Com::{
    CLSCTX_LOCAL_SERVER, COINIT_MULTITHREADED, CoInitializeEx, CoRegisterClassObject, DISPATCH_FLAGS,
    DISPATCH_METHOD, DISPPARAMS, EXCEPINFO, IClassFactory, IClassFactory_Impl, IDispatch, IDispatch_Impl,
    ITypeInfo, REGCLS_MULTIPLEUSE, SAFEARRAY,
};
use windows::Win32::System::Ole::{
    SafeArrayAccessData, SafeArrayCreateVector, SafeArrayGetUBound, SafeArrayUnaccessData,
};
use windows::Win32::System::Variant::{
    VARENUM, VARIANT, VARIANT_0, VARIANT_0_0, VARIANT_0_0_0, VT_ARRAY, VT_BOOL, VT_BSTR, VT_I4, VT_UI1,
};
use windows::core::{BOOL, BSTR, GUID, IUnknown, Interface as _, PCWSTR, Ref, Result, implement};

use super::smtp::relay;

/// Names, and the classes that are put in their place.
const CLASSES: [(&str, GUID); 2] = [
    ("CDO.Message", GUID::from_u128(0x5d2a0f5e_71a4_4a5b_9c9c_6fa0c9d0c001)),
    ("ADODB.Stream", GUID::from_u128(0x5d2a0f5e_71a4_4a5b_9c9c_6fa0c9d0c002)),
];

/// The server ends when nobody has called it for so long.
const IDLE: Duration = Duration::from_secs(60);

/// Puts the double in the place of Wine's own CDO, for all programs in this prefix.
///
/// # Panics
/// The registry cannot be written to.
pub fn install() {
    static ONCE: Once = Once::new();
    // Where there is no Wine, the real one stays.
    let wine = std::path::Path::new(r"Z:\").exists() && std::env::var_os("WINEPREFIX").is_some();
    if !wine {
        return;
    }
    ONCE.call_once(|| {
        let server = crate::bins::path("cdo").display().to_string();
        let set = |key: String, value: &str| {
            let done = Command::new("reg").args(["add", &key, "/ve", "/d", value, "/f"]).output();
            assert!(done.expect("reg can be started").status.success(), "{key}");
        };
        for (name, class) in CLASSES {
            let class = format!("{{{class:?}}}");
            set(format!(r"HKLM\Software\Classes\{name}\CLSID"), &class);
            set(format!(r"HKLM\Software\Classes\CLSID\{class}\LocalServer32"), &server);
        }
    });
}

/// What the double was told for a server on this port: settings without the beginning that all have.
///
/// # Panics
/// It was told nothing.
#[must_use]
pub fn recorded(port: u16) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(record(&port.to_string())).expect("the double has recorded something");
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn record(port: &str) -> PathBuf {
    // One that the environment does not change: COM starts the server with another.
    PathBuf::from(format!(r"C:\windows\temp\faxpost-cdo-{port}.txt"))
}

static CALLED: Mutex<Option<Instant>> = Mutex::new(None);

/// The server; ends by itself.
///
/// # Panics
/// COM is not there.
pub fn serve() {
    // SAFETY: this thread has entered no apartment; the factories live as long as the process.
    unsafe {
        CoInitializeEx(None, COINIT_MULTITHREADED).ok().expect("COM");
        for (at, (_, class)) in CLASSES.iter().enumerate() {
            let factory: IClassFactory = Factory(at).into();
            CoRegisterClassObject(class, &factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE).expect("a class");
            std::mem::forget(factory);
        }
    }
    let begun = Instant::now();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        if lock(&CALLED).unwrap_or(begun).elapsed() > IDLE {
            return;
        }
    }
}

#[implement(IClassFactory)]
struct Factory(usize);

impl IClassFactory_Impl for Factory_Impl {
    fn CreateInstance(
        &self,
        outer: Ref<'_, IUnknown>,
        wanted: *const GUID,
        made: *mut *mut c_void,
    ) -> Result<()> {
        if outer.is_some() {
            return Err(CLASS_E_NOAGGREGATION.into());
        }
        let message = Arc::new(Mutex::new(Message::default()));
        let object: IDispatch =
            Double { kind: if self.0 == 0 { Kind::Message } else { Kind::Stream }, message }.into();
        // SAFETY: the caller gives places for both.
        unsafe { object.query(wanted, made).ok() }
    }

    fn LockServer(&self, _lock: BOOL) -> Result<()> {
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Message,
    Configuration,
    Fields,
    Field(String),
    Source,
    Stream,
}

#[derive(Debug, Default)]
struct Message {
    settings: BTreeMap<String, String>,
    /// Of a message, or of a stream.
    content: Vec<u8>,
}

#[implement(IDispatch)]
struct Double {
    kind: Kind,
    message: Arc<Mutex<Message>>,
}

const NAMES: [&str; 13] = [
    "Configuration",
    "Fields",
    "Item",
    "Value",
    "Update",
    "DataSource",
    "OpenObject",
    "Send",
    "DSNOptions",
    "Type",
    "Open",
    "Write",
    "Position",
];
/// The stream's, for the message.
const READ: i32 = 100;

impl IDispatch_Impl for Double_Impl {
    fn GetTypeInfoCount(&self) -> Result<u32> {
        Ok(0)
    }

    fn GetTypeInfo(&self, _number: u32, _language: u32) -> Result<ITypeInfo> {
        Err(E_NOTIMPL.into())
    }

    fn GetIDsOfNames(
        &self,
        _: *const GUID,
        names: *const PCWSTR,
        count: u32,
        _: u32,
        ids: *mut i32,
    ) -> Result<()> {
        for at in 0..count as usize {
            // SAFETY: the caller gives `count` names that end with zero, and as many places.
            unsafe {
                let name = (*names.add(at)).to_string().unwrap_or_default();
                let id = NAMES.iter().position(|known| known.eq_ignore_ascii_case(&name));
                *ids.add(at) = id.ok_or(DISP_E_UNKNOWNNAME)? as i32 + 1;
            }
        }
        Ok(())
    }

    fn Invoke(
        &self,
        id: i32,
        _: *const GUID,
        _: u32,
        _: DISPATCH_FLAGS,
        given: *const DISPPARAMS,
        result: *mut VARIANT,
        told: *mut EXCEPINFO,
        _: *mut u32,
    ) -> Result<()> {
        *lock(&CALLED) = Some(Instant::now());
        // SAFETY: the caller gives as many arguments as he says, the last one first.
        let arguments: Vec<&VARIANT> = unsafe {
            let given = &*given;
            (0..given.cArgs as usize).rev().map(|at| &*given.rgvarg.add(at)).collect()
        };
        let name = if id == READ { "Read" } else { NAMES.get(id as usize - 1).copied().unwrap_or_default() };
        match self.this.answer(name, &arguments) {
            Ok(value) => {
                if !result.is_null() {
                    // SAFETY: a place for a value, which is empty.
                    unsafe { result.write(value) };
                }
                Ok(())
            }
            Err((code, text)) => {
                if !told.is_null() {
                    // SAFETY: a place for what went wrong.
                    unsafe {
                        told.write(EXCEPINFO {
                            bstrDescription: ManuallyDrop::new(BSTR::from(text)),
                            scode: code.cast_signed(),
                            ..EXCEPINFO::default()
                        });
                    }
                }
                Err(DISP_E_EXCEPTION.into())
            }
        }
    }
}

impl Double {
    fn answer(&self, name: &str, arguments: &[&VARIANT]) -> std::result::Result<VARIANT, (u32, String)> {
        let wrong =
            || (0x8000_4005, format!("{:?} has no {name} with {} arguments", self.kind, arguments.len()));
        let mut message = lock(&self.message);
        match (&self.kind, name, arguments) {
            (Kind::Message, "Configuration", []) => Ok(self.part(Kind::Configuration)),
            (Kind::Configuration, "Fields", []) => Ok(self.part(Kind::Fields)),
            (Kind::Fields, "Item", [field]) => Ok(self.part(Kind::Field(text(field)))),
            (Kind::Fields, "Update", []) => Ok(VARIANT::default()),
            (Kind::Field(field), "Value", [value]) => {
                let short = field.rsplit('/').next().unwrap_or_default().to_owned();
                message.settings.insert(short, text(value));
                Ok(VARIANT::default())
            }
            (Kind::Message, "DSNOptions", [value]) => {
                message.settings.insert("DSNOptions".to_owned(), text(value));
                Ok(VARIANT::default())
            }
            (Kind::Message, "DataSource", []) => Ok(self.part(Kind::Source)),
            (Kind::Source, "OpenObject", [stream, interface]) if text(interface) == "_Stream" => {
                message.content = read(stream).map_err(|error| (0x8004_0203, error.message()))?;
                Ok(VARIANT::default())
            }
            (Kind::Message, "Send", []) => {
                let lines: String =
                    message.settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
                let port = message.settings.get("smtpserverport").cloned().unwrap_or_default();
                let _ = std::fs::write(record(&port), lines);
                relay(&message.settings, &message.content).map(|()| VARIANT::default())
            }
            (Kind::Stream, "Type" | "Position", [_]) | (Kind::Stream, "Open", []) => Ok(VARIANT::default()),
            (Kind::Stream, "Write", [bytes]) => {
                let bytes = from_array(bytes).ok_or_else(wrong)?;
                message.content.extend(bytes);
                Ok(VARIANT::default())
            }
            (Kind::Stream, "Read", []) => Ok(to_array(&message.content)),
            _ => Err(wrong()),
        }
    }

    fn part(&self, kind: Kind) -> VARIANT {
        let object: IDispatch = Self { kind, message: self.message.clone() }.into();
        VARIANT::from(object)
    }
}

/// What a stream has.
fn read(stream: &VARIANT) -> Result<Vec<u8>> {
    let stream = IDispatch::try_from(stream)?;
    let mut value = VARIANT::default();
    let none = DISPPARAMS::default();
    // SAFETY: there are no arguments, and the result's place outlives the call.
    unsafe { stream.Invoke(READ, &GUID::zeroed(), 0, DISPATCH_METHOD, &none, Some(&mut value), None, None)? };
    from_array(&value).ok_or_else(|| DISP_E_TYPEMISMATCH.into())
}

fn text(value: &VARIANT) -> String {
    // SAFETY: what is read is what the value says that it is.
    unsafe {
        let inside = &value.Anonymous.Anonymous;
        match inside.vt {
            VT_BSTR => inside.Anonymous.bstrVal.to_string(),
            VT_I4 => inside.Anonymous.lVal.to_string(),
            VT_BOOL => inside.Anonymous.boolVal.as_bool().to_string(),
            other => format!("a value of type {}", other.0),
        }
    }
}

fn from_array(value: &VARIANT) -> Option<Vec<u8>> {
    // SAFETY: it is an array of bytes, as it says; they are copied while it is locked.
    unsafe {
        let inside = &value.Anonymous.Anonymous;
        if inside.vt != VARENUM(VT_ARRAY.0 | VT_UI1.0) {
            return None;
        }
        let array: *mut SAFEARRAY = inside.Anonymous.parray;
        let length = usize::try_from(SafeArrayGetUBound(array, 1).ok()? + 1).ok()?;
        let mut data: *mut c_void = std::ptr::null_mut();
        SafeArrayAccessData(array, &mut data).ok()?;
        let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length).to_vec();
        let _ = SafeArrayUnaccessData(array);
        Some(bytes)
    }
}

fn to_array(bytes: &[u8]) -> VARIANT {
    // SAFETY: the array has as many bytes as are copied into it, and is the value's afterwards.
    unsafe {
        let array = SafeArrayCreateVector(VT_UI1, 0, bytes.len() as u32);
        let mut data: *mut c_void = std::ptr::null_mut();
        if SafeArrayAccessData(array, &mut data).is_ok() {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast::<u8>(), bytes.len());
            let _ = SafeArrayUnaccessData(array);
        }
        VARIANT {
            Anonymous: VARIANT_0 {
                Anonymous: ManuallyDrop::new(VARIANT_0_0 {
                    vt: VARENUM(VT_ARRAY.0 | VT_UI1.0),
                    Anonymous: VARIANT_0_0_0 { parray: array },
                    ..VARIANT_0_0::default()
                }),
            },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
