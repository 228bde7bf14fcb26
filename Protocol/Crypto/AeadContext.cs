using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Is the state with which one thread at a time seals or opens packets of an <see cref="AeadStream"/>: keyed once, in native memory.
/// </summary>
/// <remarks>
/// AES-256-GCM is that of <see cref="IpsecMb"/> where it is to be had, else libcrypto's as it is. ChaCha20-Poly1305 up to <see cref="ComposedLimit"/> bytes is put together as RFC 8439 section
/// 2.8 says from libcrypto's ChaCha20 and Poly1305, because libcrypto's AEAD runs the cipher three times a packet: for the authenticator's
/// key, for the whole blocks and for the rest. Here one run over a zero block and the packet gives all of it. Measured for 1420 bytes with
/// OpenSSL 3.0 and AVX-512: 480 ns instead of 770; both cost the same at 4096.
/// </remarks>
unsafe struct AeadContext
{
    const int KeySize = 32;
    const int TagSize = 16;
    const int BlockSize = 64;
    const int NonceSize = 12;

    /// <summary>The longest packet that is put together here; a multiple of the block size.</summary>
    internal const int ComposedLimit = 2048;

    nint _cipher;
    nint _mac;
    nint _aead;
    byte* _vectorGcm;
    readonly CipherSuite _suite;
    readonly bool _seals;
    readonly GcmMethod _gcm;

    AeadContext(CipherSuite suite, bool seals, GcmMethod gcm)
    {
        _suite = suite;
        _seals = seals;
        _gcm = gcm;
    }

    /// <summary>Makes a context with its own copy of the key.</summary>
    public static AeadContext* Create(CipherSuite suite, bool seals, byte* key) =>
        Create(suite, seals, key, suite == CipherSuite.Aes256Gcm ? GcmMethods.Best : default);

    /// <summary>Makes a context that does AES-256-GCM in the way given.</summary>
    internal static AeadContext* Create(CipherSuite suite, bool seals, byte* key, GcmMethod gcm)
    {
        var context = (AeadContext*)NativeMemory.AllocZeroed((nuint)sizeof(AeadContext));
        *context = new AeadContext(suite, seals, gcm);
        try
        {
            if (suite == CipherSuite.Aes256Gcm && gcm == GcmMethod.IpsecMb)
                context->_vectorGcm = IpsecMb.Create(key);
            else if (suite == CipherSuite.Aes256Gcm)
                context->AddAead(key);
            else
            {
                context->_cipher = NewCipher(LibCrypto.ChaCha20, seals: true, key);
                context->_mac = LibCrypto.EVP_MAC_CTX_new(LibCrypto.Poly1305);
                LibCrypto.Require(context->_mac != 0, "EVP_MAC_CTX_new");
            }
            return context;
        }
        catch
        {
            Free(context);
            throw;
        }
    }

    /// <summary>Frees a context and clears its keys.</summary>
    public static void Free(AeadContext* context)
    {
        IpsecMb.Free(context->_vectorGcm);
        LibCrypto.EVP_CIPHER_CTX_free(context->_cipher);
        LibCrypto.EVP_CIPHER_CTX_free(context->_aead);
        LibCrypto.EVP_MAC_CTX_free(context->_mac);
        NativeMemory.Free(context);
    }

    /// <summary>Tells whether a packet of that length can be taken without <see cref="AddAead"/>.</summary>
    public readonly bool Takes(int length) => length <= ComposedLimit || _aead != 0 || _vectorGcm != null;

    /// <summary>Adds libcrypto's AEAD of the suite.</summary>
    public void AddAead(byte* key) => _aead = NewCipher(LibCrypto.Cipher(_suite), _seals, key);

    /// <summary>Takes back <see cref="AddAead"/>.</summary>
    public void DropAead()
    {
        LibCrypto.EVP_CIPHER_CTX_free(_aead);
        _aead = 0;
    }

    /// <summary>Encrypts in place; the tag is written behind.</summary>
    public readonly void Seal(ulong counter, byte* data, int length)
    {
        if (_mac != 0 && length <= ComposedLimit)
        {
            SealComposed(counter, data, length);
            return;
        }
        var nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, counter);
        if (_vectorGcm != null)
        {
            IpsecMb.Seal(_vectorGcm, nonce, data, length);
            return;
        }

        int written;
        LibCrypto.Require(
            TrySetNonce(nonce, null)
            && (length == 0 || LibCrypto.EVP_EncryptUpdate(_aead, data, &written, data, length) == 1)
            && LibCrypto.EVP_EncryptFinal_ex(_aead, data + length, &written) == 1
            && LibCrypto.TryGetTag(_aead, data + length),
            "encryption");
    }

    /// <summary>Checks the tag behind the data and decrypts in place; false, with the content lost, when it is wrong.</summary>
    public readonly bool TryOpen(ulong counter, byte* data, int length)
    {
        if (_mac != 0 && length <= ComposedLimit)
            return TryOpenComposed(counter, data, length);
        var nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, counter);
        if (_vectorGcm != null)
            return IpsecMb.TryOpen(_vectorGcm, nonce, data, length);
        int written;
        // Final writes no bytes for these ciphers, but wants somewhere that it could.
        byte none;
        return TrySetNonce(nonce, data + length)
            && (length == 0 || LibCrypto.EVP_DecryptUpdate(_aead, data, &written, data, length) == 1)
            && LibCrypto.EVP_DecryptFinal_ex(_aead, &none, &written) == 1;
    }

    // A nonce and, to open, the tag. As parameters both cost a third of what an initialisation and a control call do, which first ask the cipher
    // how long its nonces are.
    readonly bool TrySetNonce(byte* nonce, byte* tag)
    {
        if (_gcm != GcmMethod.Parameters)
            return TryInitialise(_aead, _seals, 0, null, nonce) && (tag == null || LibCrypto.TrySetTag(_aead, tag));
        var parameters = stackalloc[] { LibCrypto.Parameter.GcmNonce(nonce), tag == null ? default : LibCrypto.Parameter.Tag(tag), default };
        return LibCrypto.EVP_CIPHER_CTX_set_params(_aead, parameters) == 1;
    }

    [SkipLocalsInit]
    readonly void SealComposed(ulong counter, byte* data, int length)
    {
        var blocks = stackalloc byte[BlockSize + ComposedLimit];
        ApplyKeyStream(counter, data, length, blocks);
        Unsafe.CopyBlockUnaligned(data, blocks + BlockSize, (uint)length);
        Authenticate(blocks, data, length, data + length);
        CryptographicOperations.ZeroMemory(new Span<byte>(blocks, BlockSize));
    }

    [SkipLocalsInit]
    readonly bool TryOpenComposed(ulong counter, byte* data, int length)
    {
        var blocks = stackalloc byte[BlockSize + ComposedLimit];
        var tag = stackalloc byte[TagSize];
        ApplyKeyStream(counter, data, length, blocks);
        Authenticate(blocks, data, length, tag);
        var authentic = CryptographicOperations.FixedTimeEquals(new Span<byte>(tag, TagSize), new Span<byte>(data + length, TagSize));
        if (authentic)
            Unsafe.CopyBlockUnaligned(data, blocks + BlockSize, (uint)length);
        CryptographicOperations.ZeroMemory(new Span<byte>(blocks, BlockSize));
        return authentic;
    }

    // Block 0 of the key stream begins with the authenticator's key, and the data is encrypted from block 1 on. What lies behind the data
    // up to the next block is encrypted too and not used: whole blocks are the cipher's fast case.
    readonly void ApplyKeyStream(ulong counter, byte* data, int length, byte* blocks)
    {
        Unsafe.InitBlockUnaligned(blocks, 0, BlockSize);
        Unsafe.CopyBlockUnaligned(blocks + BlockSize, data, (uint)length);
        var iv = stackalloc byte[16];
        *(ulong*)iv = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(iv + 8, 8), counter);
        int written;
        LibCrypto.Require(
            LibCrypto.EVP_EncryptInit_ex(_cipher, 0, 0, null, iv) == 1
            && LibCrypto.EVP_EncryptUpdate(_cipher, blocks, &written, blocks, BlockSize + RoundUp(length, BlockSize)) == 1,
            "ChaCha20");
    }

    // The authenticator is a little faster when it gets whole blocks first and the rest by itself.
    readonly void Authenticate(byte* key, byte* ciphertext, int length, byte* tag)
    {
        var whole = length & ~(BlockSize - 1);
        var end = stackalloc byte[BlockSize + TagSize];
        var padded = RoundUp(length - whole, TagSize);
        new Span<byte>(end, padded).Clear();
        Unsafe.CopyBlockUnaligned(end, ciphertext + whole, (uint)(length - whole));
        *(ulong*)(end + padded) = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(end + padded + 8, 8), (ulong)length);
        nuint written;
        LibCrypto.Require(
            LibCrypto.EVP_MAC_init(_mac, key, KeySize, 0) == 1
            && (whole == 0 || LibCrypto.EVP_MAC_update(_mac, ciphertext, (nuint)whole) == 1)
            && LibCrypto.EVP_MAC_update(_mac, end, (nuint)(padded + 16)) == 1
            && LibCrypto.EVP_MAC_final(_mac, tag, &written, TagSize) == 1,
            "Poly1305");
    }

    readonly void WriteNonce(byte* nonce, ulong counter)
    {
        *(uint*)nonce = 0;
        var number = new Span<byte>(nonce + 4, 8);
        if (_suite == CipherSuite.Aes256Gcm)
            BinaryPrimitives.WriteUInt64BigEndian(number, counter);
        else
            BinaryPrimitives.WriteUInt64LittleEndian(number, counter);
    }

    static nint NewCipher(nint cipher, bool seals, byte* key)
    {
        var context = LibCrypto.EVP_CIPHER_CTX_new();
        LibCrypto.Require(context != 0, "EVP_CIPHER_CTX_new");
        if (TryInitialise(context, seals, cipher, key, null))
            return context;
        LibCrypto.EVP_CIPHER_CTX_free(context);
        throw new CryptographicException("libcrypto: EVP_CipherInit failed");
    }

    static bool TryInitialise(nint context, bool seals, nint cipher, byte* key, byte* nonce) =>
        (seals ? LibCrypto.EVP_EncryptInit_ex(context, cipher, 0, key, nonce) : LibCrypto.EVP_DecryptInit_ex(context, cipher, 0, key, nonce)) == 1;

    static int RoundUp(int length, int multiple) => (length + multiple - 1) & ~(multiple - 1);
}
