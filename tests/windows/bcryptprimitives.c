/* Wine 8 has no bcryptprimitives.dll, from which Rust's std takes its random numbers. This one passes the call on to
   the generator that Wine has (RtlGenRandom in advapi32). For test machines only: real Windows has its own. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    /* RtlGenRandom counts in 32 bits, ProcessPrng in 64. */
    const SIZE_T most = 1u << 28;

    while (length > 0) {
        ULONG part = (ULONG)(length < most ? length : most);
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
