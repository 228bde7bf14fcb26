using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Declares what this room calls of libIPSec_MB 1.x, Intel's library for IPsec, where it is installed: AES-256-GCM made of VAES and AVX-512
/// instructions, which libcrypto has from OpenSSL 3.1 on. A packet of 1424 bytes takes 105 ns with it and 365 with OpenSSL 3.0 on one machine
/// that has both. It is a help, never needed: what it does not have, or the processor cannot run, is as if it were not there.
/// </summary>
static unsafe class IpsecMb
{
    /// <summary>The bytes of an expanded key (struct gcm_key_data, 1008 in version 1.3) and scratch space (gcm_context_data, 88) with some to spare.</summary>
    public const int ContextSize = 2048 + 256;

    const int KeyDataSize = 2048;

    // Leaf 7 of CPUID. EBX: AVX-512 F, DQ, BW, VL; ECX: VAES, VPCLMULQDQ.
    const uint Avx512 = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);
    const uint VaesAndVpclmulqdq = (1u << 9) | (1u << 10);

    // The calls of a packet take less than a microsecond a kilobyte and never wait.
    static readonly delegate* unmanaged[SuppressGCTransition]<byte*, byte*, void> _expand;
    static readonly delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void> _encrypt;
    static readonly delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void> _decrypt;

#pragma warning disable CA1810 // One look at the library finds all of it.
    static IpsecMb()
#pragma warning restore CA1810
    {
        // The library's own names for its code, because its documented way to them is a table whose layout changes with its version.
        if (!RunsVaes() || !NativeLibrary.TryLoad("libIPSec_MB.so.1", out var library)
            || !NativeLibrary.TryGetExport(library, "aes_gcm_pre_256_vaes_avx512", out var expand)
            || !NativeLibrary.TryGetExport(library, "aes_gcm_enc_256_vaes_avx512", out var encrypt)
            || !NativeLibrary.TryGetExport(library, "aes_gcm_dec_256_vaes_avx512", out var decrypt))
            return;
        _expand = (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, void>)expand;
        _encrypt = (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void>)encrypt;
        _decrypt = (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void>)decrypt;
    }

    /// <summary>Gets whether the library is installed and the processor has the instructions.</summary>
    public static bool HasGcm => _expand != null;

    /// <summary>Makes a context, for one thread at a time; <see cref="Free"/> it.</summary>
    public static byte* Create(byte* key)
    {
        var context = (byte*)NativeMemory.AlignedAlloc(ContextSize, 64);
        new Span<byte>(context, ContextSize).Clear();
        _expand(key, context);
        return context;
    }

    /// <summary>Clears and frees a context; null is none.</summary>
    public static void Free(byte* context)
    {
        if (context == null)
            return;
        CryptographicOperations.ZeroMemory(new Span<byte>(context, ContextSize));
        NativeMemory.AlignedFree(context);
    }

    /// <summary>Encrypts in place; the 16-byte tag is written behind.</summary>
    public static void Seal(byte* context, byte* nonce, byte* data, int length) =>
        _encrypt(context, context + KeyDataSize, data, data, (ulong)length, nonce, null, 0, data + length, 16);

    /// <summary>Decrypts in place; false, with the content lost, when the 16-byte tag behind it is wrong.</summary>
    public static bool TryOpen(byte* context, byte* nonce, byte* data, int length)
    {
        var tag = stackalloc byte[16];
        _decrypt(context, context + KeyDataSize, data, data, (ulong)length, nonce, null, 0, tag, 16);
        return CryptographicOperations.FixedTimeEquals(new Span<byte>(tag, 16), new Span<byte>(data + length, 16));
    }

    // Asks the C library (sys/platform/x86.h, glibc 2.33), which knows what the kernel allows besides what the processor has: a program compiled
    // ahead of time cannot ask the runtime. The library would say it too, but for three megabytes that its start touches.
    static bool RunsVaes()
    {
        if (!NativeLibrary.TryLoad("libc.so.6", out var library)
            || !NativeLibrary.TryGetExport(library, "__x86_get_cpuid_feature_leaf", out var features))
            return false;
        // What there is in EAX to EDX, then what of it may be used.
        const int indexOfLeaf7 = 1, usableEbx = 5, usableEcx = 6;
        var leaf = ((delegate* unmanaged<uint, uint*>)features)(indexOfLeaf7);
        return leaf != null && (leaf[usableEbx] & Avx512) == Avx512 && (leaf[usableEcx] & VaesAndVpclmulqdq) == VaesAndVpclmulqdq;
    }
}
