using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Declares the few functions of OpenSSL 3's libcrypto that this room calls; .NET itself needs that library on Linux. Every result
/// is checked by the caller: 1 is success, everything else failure.
/// </summary>
/// <remarks>
/// What runs once or more a packet takes less than a microsecond a kilobyte and never waits: it is called without telling the garbage collector
/// of it, which would cost as much as some of these calls do.
/// </remarks>
static unsafe partial class LibCrypto
{
    const string Library = "libcrypto.so.3";

    public const int KeyTypeX25519 = 1034;
    public const int KeyTypeEd25519 = 1087;

    static readonly nint _chaCha20Poly1305 = Fetch("ChaCha20-Poly1305");
    static readonly nint _chaCha20 = Fetch("ChaCha20");
    static readonly nint _aes256Gcm = Fetch("AES-256-GCM");
    static readonly nint _poly1305 = FetchMac("POLY1305");

    /// <summary>Gets the cipher without its authenticator, fetched once for the life of the process.</summary>
    public static nint ChaCha20 => _chaCha20;

    /// <summary>Gets the authenticator, fetched once for the life of the process.</summary>
    public static nint Poly1305 => _poly1305;

    /// <summary>Gets the AEAD of a suite, fetched once for the life of the process.</summary>
    public static nint Cipher(CipherSuite suite) => suite == CipherSuite.Aes256Gcm ? _aes256Gcm : _chaCha20Poly1305;

    /// <summary>Is OSSL_PARAM of openssl/core.h: names one value that is given or asked for. A null key ends a list.</summary>
    public struct Parameter
    {
        const uint OctetString = 5;

        public byte* Key;
        public uint Type;
        public void* Data;
        public nuint Size;
        public nuint Returned;

        /// <summary>Names the 16-byte tag of an AEAD.</summary>
        public static Parameter Tag(byte* data) => new() { Key = Literal("tag\0"u8), Type = OctetString, Data = data, Size = 16 };

        /// <summary>Names the whole nonce of GCM for the next message: what the length -1 says, which no nonce has.</summary>
        public static Parameter GcmNonce(byte* data) =>
            new() { Key = Literal("tlsivfixed\0"u8), Type = OctetString, Data = data, Size = nuint.MaxValue };

        // Literals lie in the program's image and never move.
        static byte* Literal(ReadOnlySpan<byte> name) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(name));
    }

    static nint Fetch(string name)
    {
        var cipher = EVP_CIPHER_fetch(0, name, 0);
        return cipher != 0 ? cipher : throw new PlatformNotSupportedException($"this machine's libcrypto does not offer {name}");
    }

    static nint FetchMac(string name)
    {
        var mac = EVP_MAC_fetch(0, name, 0);
        return mac != 0 ? mac : throw new PlatformNotSupportedException($"this machine's libcrypto does not offer {name}");
    }

    /// <summary>Throws for a call that can fail only for want of memory or because of a defect.</summary>
    public static void Require(bool succeeded, string call)
    {
        if (!succeeded)
            throw new CryptographicException($"libcrypto: {call} failed");
    }

    /// <summary>Asks for the 16-byte tag of what was just encrypted.</summary>
    public static bool TryGetTag(nint context, byte* tag)
    {
        var parameters = stackalloc Parameter[] { Parameter.Tag(tag), default };
        return EVP_CIPHER_CTX_get_params(context, parameters) == 1;
    }

    /// <summary>Gives the 16-byte tag that what is decrypted next must have.</summary>
    public static bool TrySetTag(nint context, byte* tag)
    {
        var parameters = stackalloc Parameter[] { Parameter.Tag(tag), default };
        return EVP_CIPHER_CTX_set_params(context, parameters) == 1;
    }

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_CIPHER_fetch(nint context, string algorithm, nint properties);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_MAC_fetch(nint context, string algorithm, nint properties);

    [LibraryImport(Library)]
    public static partial nint EVP_MAC_CTX_new(nint mac);

    [LibraryImport(Library)]
    public static partial void EVP_MAC_CTX_free(nint context);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_MAC_init(nint context, byte* key, nuint keyLength, nint parameters);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_MAC_update(nint context, byte* data, nuint length);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_MAC_final(nint context, byte* output, nuint* written, nuint size);

    [LibraryImport(Library)]
    public static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Library)]
    public static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_CIPHER_CTX_get_params(nint context, Parameter* parameters);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_CIPHER_CTX_set_params(nint context, Parameter* parameters);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_EncryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_EncryptUpdate(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_EncryptFinal_ex(nint context, byte* output, int* written);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_DecryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_DecryptUpdate(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int EVP_DecryptFinal_ex(nint context, byte* output, int* written);

    [LibraryImport(Library)]
    public static partial nint EVP_PKEY_new_raw_private_key(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library)]
    public static partial nint EVP_PKEY_new_raw_public_key(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_get_raw_public_key(nint key, byte* output, nuint* length);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    public static partial nint EVP_PKEY_CTX_new(nint key, nint engine);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_CTX_free(nint context);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_derive_init(nint context);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_derive_set_peer(nint context, nint peer);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_derive(nint context, byte* secret, nuint* length);

    [LibraryImport(Library)]
    public static partial nint EVP_MD_CTX_new();

    [LibraryImport(Library)]
    public static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Library)]
    public static partial int EVP_DigestSignInit(nint context, nint* keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library)]
    public static partial int EVP_DigestSign(nint context, byte* signature, nuint* signatureLength, byte* data, nuint length);

    [LibraryImport(Library)]
    public static partial int EVP_DigestVerifyInit(nint context, nint* keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library)]
    public static partial int EVP_DigestVerify(nint context, byte* signature, nuint signatureLength, byte* data, nuint length);

    [LibraryImport(Library)]
    public static partial void ERR_clear_error();
}
