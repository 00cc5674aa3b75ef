//! CDO through COM, by names alone: its own type library is not needed, and a double of it can stand in for tests.
#![allow(unsafe_code)] // COM exists as raw calls only.

use std::ffi::c_void;
use std::mem::ManuallyDrop;

use windows::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, CLSCTX_LOCAL_SERVER, CLSIDFromProgID, COINIT_APARTMENTTHREADED, CoCreateInstance,
    CoInitializeEx, CoUninitialize, DISPATCH_FLAGS, DISPATCH_METHOD, DISPATCH_PROPERTYGET,
    DISPATCH_PROPERTYPUT, DISPPARAMS, EXCEPINFO, IDispatch, SAFEARRAY,
};
use windows::Win32::System::Ole::{
    DISPID_PROPERTYPUT, SafeArrayAccessData, SafeArrayCreateVector, SafeArrayDestroy, SafeArrayUnaccessData,
};
use windows::Win32::System::Variant::{
    VARENUM, VARIANT, VARIANT_0, VARIANT_0_0, VARIANT_0_0_0, VT_ARRAY, VT_UI1,
};
use windows::core::{BSTR, GUID, HSTRING, PCWSTR, w};

use super::{Order, Refusal, Value};

/// Bytes given to the stream at once: each piece is copied.
const PIECE: usize = 1024 * 1024;

/// For names and messages; those of CDO are in the machine's language all the same.
const ENGLISH: u32 = 0x0409;

/// DISP_E_EXCEPTION: the object tells what it was.
const EXCEPTION: u32 = 0x8002_0009;

pub(super) fn missing() -> Option<String> {
    // SAFETY: the name ends with zero, and the call looks it up, no more.
    let found = unsafe { CLSIDFromProgID(w!("CDO.Message")) };
    found
        .err()
        .map(|_| "Collaboration Data Objects (cdosys.dll) are not registered on this computer".to_owned())
}

/// Sends a message, on a thread of its own.
pub(super) fn send(order: &Order) -> Result<(), Refusal> {
    let _apartment = Apartment::enter()?;
    let message = Object::create("CDO.Message")?;
    let stream = Object::create("ADODB.Stream")?;
    // Bytes, and no text in somebody's character set.
    stream.put("Type", VARIANT::from(1))?;
    stream.call("Open", [])?;
    for piece in order.message.chunks(PIECE) {
        stream.call("Write", [bytes(piece)?])?;
    }
    stream.put("Position", VARIANT::from(0))?;
    let source = message.object("DataSource", [])?;
    source.call("OpenObject", [VARIANT::from(stream.0.clone()), VARIANT::from(BSTR::from("_Stream"))])?;

    let settings = message.object("Configuration", [])?.object("Fields", [])?;
    for (name, value) in &order.settings {
        let value = match value {
            Value::Number(number) => VARIANT::from(*number),
            Value::Flag(flag) => VARIANT::from(*flag),
            Value::Text(text) => VARIANT::from(BSTR::from(text.as_str())),
        };
        settings.object("Item", [VARIANT::from(BSTR::from(name.as_str()))])?.put("Value", value)?;
    }
    settings.call("Update", [])?;
    if let Some(notify) = order.notify {
        message.put("DSNOptions", VARIANT::from(notify))?;
    }
    message.call("Send", [])?;
    Ok(())
}

/// This thread's, with its objects; it must outlive them.
struct Apartment;

impl Apartment {
    fn enter() -> Result<Self, Refusal> {
        // SAFETY: this thread is ours and has entered none; `drop` leaves it.
        unsafe { CoInitializeEx(None, COINIT_APARTMENTTHREADED) }
            .ok()
            .map_err(|error| refusal(&error, "CoInitializeEx"))?;
        Ok(Self)
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        // SAFETY: it was entered; objects that were made since are gone, as they were declared after it.
        unsafe { CoUninitialize() }
    }
}

struct Object(IDispatch);

impl Object {
    fn create(name: &'static str) -> Result<Self, Refusal> {
        let failed = |error: windows::core::Error| refusal(&error, name);
        // SAFETY: the name ends with zero, as HSTRING has it, and the class' id outlives the call.
        let made: windows::core::Result<IDispatch> = unsafe {
            let class = CLSIDFromProgID(&HSTRING::from(name)).map_err(failed)?;
            CoCreateInstance(&class, None, CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER)
        };
        made.map(Self).map_err(failed)
    }

    fn call<const N: usize>(&self, name: &'static str, arguments: [VARIANT; N]) -> Result<VARIANT, Refusal> {
        self.invoke(name, DISPATCH_METHOD, arguments)
    }

    fn put(&self, name: &'static str, value: VARIANT) -> Result<(), Refusal> {
        self.invoke(name, DISPATCH_PROPERTYPUT, [value]).map(|_| ())
    }

    /// A property that is an object.
    fn object<const N: usize>(&self, name: &'static str, arguments: [VARIANT; N]) -> Result<Self, Refusal> {
        let value = self.invoke(name, DISPATCH_PROPERTYGET, arguments)?;
        IDispatch::try_from(&value).map(Self).map_err(|error| refusal(&error, name))
    }

    fn invoke<const N: usize>(
        &self,
        name: &'static str,
        how: DISPATCH_FLAGS,
        mut arguments: [VARIANT; N],
    ) -> Result<VARIANT, Refusal> {
        // The last comes first.
        arguments.reverse();
        let wide = HSTRING::from(name);
        let (mut id, mut put) = (0, DISPID_PROPERTYPUT);
        let mut given =
            DISPPARAMS { rgvarg: arguments.as_mut_ptr(), cArgs: N as u32, ..DISPPARAMS::default() };
        if how == DISPATCH_PROPERTYPUT {
            (given.rgdispidNamedArgs, given.cNamedArgs) = (&raw mut put, 1);
        }
        let (mut result, mut told) = (VARIANT::default(), EXCEPINFO::default());
        // SAFETY: the name ends with zero; names, arguments and results outlive the calls, and their counts are right; who is
        // called fills `result` and `told` with values that are ours to free, which their destructors do.
        unsafe {
            self.0
                .GetIDsOfNames(&GUID::zeroed(), &PCWSTR(wide.as_ptr()), 1, ENGLISH, &mut id)
                .map_err(|error| refusal(&error, name))?;
            let called = self.0.Invoke(
                id,
                &GUID::zeroed(),
                ENGLISH,
                how,
                &given,
                Some(&mut result),
                Some(&mut told),
                None,
            );
            let told = Told::take(told);
            called.map_err(|error| match error.code().0.cast_unsigned() {
                EXCEPTION => Refusal { code: told.code, text: told.text, call: name },
                _ => refusal(&error, name),
            })?;
        }
        Ok(result)
    }
}

/// What an object says of its failure.
struct Told {
    code: u32,
    text: String,
}

impl Told {
    fn take(mut told: EXCEPINFO) -> Self {
        if let Some(fill) = told.pfnDeferredFillIn {
            // SAFETY: whoever put it there wants it to be called with just this, once.
            let _ = unsafe { fill(&raw mut told) };
        }
        let EXCEPINFO { wCode, bstrSource, bstrDescription, bstrHelpFile, scode, .. } = told;
        drop((ManuallyDrop::into_inner(bstrSource), ManuallyDrop::into_inner(bstrHelpFile)));
        let text = ManuallyDrop::into_inner(bstrDescription).to_string();
        let code = if scode == 0 { u32::from(wCode) } else { scode.cast_unsigned() };
        Self { code, text }
    }
}

/// An array of bytes, as the stream wants it.
fn bytes(piece: &[u8]) -> Result<VARIANT, Refusal> {
    let missing = Refusal { code: 0x8007_000E, text: "there is no memory".to_owned(), call: "Write" };
    let length = u32::try_from(piece.len()).unwrap_or(0);
    // SAFETY: the array has as many bytes as are copied into it; it is accessed while it is locked, and destroyed or owned by
    // the variant, which frees it.
    unsafe {
        let array: *mut SAFEARRAY = SafeArrayCreateVector(VT_UI1, 0, length);
        if array.is_null() {
            return Err(missing);
        }
        let mut data: *mut c_void = std::ptr::null_mut();
        if let Err(error) = SafeArrayAccessData(array, &mut data) {
            let _ = SafeArrayDestroy(array);
            return Err(refusal(&error, "Write"));
        }
        std::ptr::copy_nonoverlapping(piece.as_ptr(), data.cast::<u8>(), piece.len());
        let _ = SafeArrayUnaccessData(array);
        Ok(VARIANT {
            Anonymous: VARIANT_0 {
                Anonymous: ManuallyDrop::new(VARIANT_0_0 {
                    vt: VARENUM(VT_ARRAY.0 | VT_UI1.0),
                    Anonymous: VARIANT_0_0_0 { parray: array },
                    ..VARIANT_0_0::default()
                }),
            },
        })
    }
}

fn refusal(error: &windows::core::Error, call: &'static str) -> Refusal {
    Refusal { code: error.code().0.cast_unsigned(), text: error.message(), call }
}
