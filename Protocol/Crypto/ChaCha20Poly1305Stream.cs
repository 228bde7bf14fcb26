using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Seals or opens packets with ChaCha20-Poly1305 (RFC 8439) under one key, in place. The nonce is 4 zero bytes and a 64-bit counter,
/// little-endian, as WireGuard and Noise have it. Each thread inside works on a libcrypto context that was keyed once. Safe for
/// concurrent use, also of <see cref="Dispose"/> against calls that are under way; the calls allocate nothing on the managed heap.
/// </summary>
public sealed unsafe class ChaCha20Poly1305Stream : IDisposable
{
    /// <summary>The length of the key.</summary>
    public const int KeySize = 32;

    /// <summary>The length of the tag that follows the ciphertext.</summary>
    public const int TagSize = 16;

    // A context is taken out of its slot for the time of one call. Two packet threads a direction are usual; more threads than slots
    // cost a context made and freed per call, not correctness.
    const int Slots = 8;

    readonly bool _seals;
    readonly byte[] _key = GC.AllocateArray<byte>(KeySize, pinned: true);
    SlotArray _slots;
    int _disposed;

    [InlineArray(Slots)]
    struct SlotArray
    {
        nint _first;
    }

    ChaCha20Poly1305Stream(ReadOnlySpan<byte> key, bool seals)
    {
        if (key.Length != KeySize)
            throw new CryptographicException("a ChaCha20-Poly1305 key is 32 bytes");
        key.CopyTo(_key);
        _seals = seals;
    }

    /// <summary>Frees the contexts of an instance that was never disposed.</summary>
    ~ChaCha20Poly1305Stream() => Dispose();

    /// <summary>Creates the sending direction.</summary>
    public static ChaCha20Poly1305Stream ForSealing(ReadOnlySpan<byte> key) => new(key, seals: true);

    /// <summary>Creates the receiving direction.</summary>
    public static ChaCha20Poly1305Stream ForOpening(ReadOnlySpan<byte> key) => new(key, seals: false);

    /// <summary>
    /// Encrypts all but the last 16 bytes of the span in place and writes the tag over these. Returns false, with the span unchanged,
    /// when this instance is disposed.
    /// </summary>
    public bool TrySeal(ulong counter, Span<byte> plaintextAndTag)
    {
        var context = Rent();
        if (context == 0)
            return false;
        var length = plaintextAndTag.Length - TagSize;
        var nonce = stackalloc byte[12];
        WriteNonce(nonce, counter);
        int written;
        bool succeeded;
        fixed (byte* data = plaintextAndTag)
        {
            succeeded = LibCrypto.EVP_EncryptInit_ex(context, 0, 0, null, nonce) == 1
                && (length == 0 || LibCrypto.EVP_EncryptUpdate(context, data, &written, data, length) == 1)
                && LibCrypto.EVP_EncryptFinal_ex(context, data + length, &written) == 1
                && LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.CipherCtrlGetTag, TagSize, data + length) == 1;
        }
        Return(context);
        LibCrypto.Require(succeeded, "ChaCha20-Poly1305 encryption");
        return true;
    }

    /// <summary>
    /// Checks the tag in the last 16 bytes of the span and decrypts the rest in place. Returns false when the tag is wrong, with the
    /// content of the span lost, or when this instance is disposed.
    /// </summary>
    public bool TryOpen(ulong counter, Span<byte> ciphertextAndTag)
    {
        var length = ciphertextAndTag.Length - TagSize;
        if (length < 0)
            return false;
        var context = Rent();
        if (context == 0)
            return false;
        var nonce = stackalloc byte[12];
        WriteNonce(nonce, counter);
        int written;
        bool authentic;
        fixed (byte* data = ciphertextAndTag)
        {
            // Final writes no bytes for this cipher, but wants somewhere that it could.
            byte none;
            authentic = LibCrypto.EVP_DecryptInit_ex(context, 0, 0, null, nonce) == 1
                && LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.CipherCtrlSetTag, TagSize, data + length) == 1
                && (length == 0 || LibCrypto.EVP_DecryptUpdate(context, data, &written, data, length) == 1)
                && LibCrypto.EVP_DecryptFinal_ex(context, &none, &written) == 1;
        }
        Return(context);
        return authentic;
    }

    /// <summary>
    /// Zeroes the key and frees the contexts; a context that another thread holds is freed by that thread when it is done. Calls that
    /// start afterwards fail.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            CryptographicOperations.ZeroMemory(_key);
            Drain();
        }
        GC.SuppressFinalize(this);
    }

    static void WriteNonce(byte* nonce, ulong counter)
    {
        *(uint*)nonce = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(nonce + 4, 8), counter);
    }

    nint Rent()
    {
        if (Volatile.Read(ref _disposed) != 0)
            return 0;
        var start = Environment.CurrentManagedThreadId;
        for (var i = 0; i < Slots; i++)
        {
            ref var slot = ref _slots[(start + i) & (Slots - 1)];
            if (Volatile.Read(ref slot) == 0)
                continue;
            var context = Interlocked.Exchange(ref slot, 0);
            if (context != 0)
                return context;
        }
        return CreateContext();
    }

    void Return(nint context)
    {
        var start = Environment.CurrentManagedThreadId;
        for (var i = 0; i < Slots; i++)
        {
            ref var slot = ref _slots[(start + i) & (Slots - 1)];
            if (Interlocked.CompareExchange(ref slot, context, 0) == 0)
            {
                // Dispose may have passed this slot just before: whoever sees both puts things right.
                if (Volatile.Read(ref _disposed) != 0)
                    Drain();
                return;
            }
        }
        LibCrypto.EVP_CIPHER_CTX_free(context);
    }

    nint CreateContext()
    {
        var context = LibCrypto.EVP_CIPHER_CTX_new();
        LibCrypto.Require(context != 0, "EVP_CIPHER_CTX_new");
        int initialised;
        fixed (byte* key = _key)
        {
            initialised = _seals
                ? LibCrypto.EVP_EncryptInit_ex(context, LibCrypto.ChaCha20Poly1305, 0, key, null)
                : LibCrypto.EVP_DecryptInit_ex(context, LibCrypto.ChaCha20Poly1305, 0, key, null);
        }
        // The key is zeroed only after the flag is set: a flag still clear here means that the whole key was read.
        Interlocked.MemoryBarrier();
        if (initialised == 1 && Volatile.Read(ref _disposed) == 0)
            return context;
        LibCrypto.EVP_CIPHER_CTX_free(context);
        LibCrypto.Require(initialised == 1, "EVP_CipherInit");
        return 0;
    }

    void Drain()
    {
        for (var i = 0; i < Slots; i++)
        {
            var context = Interlocked.Exchange(ref _slots[i], 0);
            if (context != 0)
                LibCrypto.EVP_CIPHER_CTX_free(context);
        }
    }
}
