using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>Computes X25519 (RFC 7748 section 5). All values are 32 bytes, little-endian; private keys are clamped here.</summary>
public static unsafe class X25519
{
    /// <summary>The length of private keys, public keys and shared secrets.</summary>
    public const int KeySize = 32;

    /// <summary>Computes the public key of a private key.</summary>
    public static void ComputePublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        using var key = PrivateKeyHandle.Import(LibCrypto.KeyTypeX25519, privateKey);
        key.ExportPublicKey(publicKey);
    }

    /// <summary>
    /// Computes the shared secret. Returns false, with <paramref name="sharedSecret"/> zeroed, when the peer's key is of small order
    /// and the result would be all zero (RFC 7748 section 6.1).
    /// </summary>
    public static bool TryDeriveSharedSecret(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedSecret)
    {
        using var key = new X25519PrivateKey(privateKey);
        return key.TryDeriveSharedSecret(publicKey, sharedSecret);
    }
}

/// <summary>Holds an X25519 private key imported once, for repeated agreements (28 us each instead of 55). Safe for concurrent use.</summary>
public sealed unsafe class X25519PrivateKey : IDisposable
{
    readonly PrivateKeyHandle _key;

    /// <summary>Imports a 32-byte private key.</summary>
    public X25519PrivateKey(ReadOnlySpan<byte> privateKey)
    {
        if (privateKey.Length != X25519.KeySize)
            throw new CryptographicException("an X25519 private key is 32 bytes");
        _key = PrivateKeyHandle.Import(LibCrypto.KeyTypeX25519, privateKey);
    }

    /// <summary>Writes the 32-byte public key.</summary>
    public void ExportPublicKey(Span<byte> publicKey) => _key.ExportPublicKey(publicKey);

    /// <inheritdoc cref="X25519.TryDeriveSharedSecret"/>
    public bool TryDeriveSharedSecret(ReadOnlySpan<byte> publicKey, Span<byte> sharedSecret)
    {
        if (publicKey.Length != X25519.KeySize || sharedSecret.Length != X25519.KeySize)
            throw new CryptographicException("X25519 keys and secrets are 32 bytes");
        var added = false;
        nint context = 0, peer = 0;
        try
        {
            _key.DangerousAddRef(ref added);
            context = LibCrypto.EVP_PKEY_CTX_new(_key.DangerousGetHandle(), 0);
            LibCrypto.Require(context != 0 && LibCrypto.EVP_PKEY_derive_init(context) == 1, "EVP_PKEY_derive_init");
            fixed (byte* input = publicKey)
                peer = LibCrypto.EVP_PKEY_new_raw_public_key(LibCrypto.KeyTypeX25519, 0, input, X25519.KeySize);
            LibCrypto.Require(peer != 0, "EVP_PKEY_new_raw_public_key");
            var length = (nuint)X25519.KeySize;
            fixed (byte* output = sharedSecret)
            {
                if (LibCrypto.EVP_PKEY_derive_set_peer(context, peer) == 1
                    && LibCrypto.EVP_PKEY_derive(context, output, &length) == 1 && length == X25519.KeySize)
                    return true;
            }
            LibCrypto.ERR_clear_error();
            CryptographicOperations.ZeroMemory(sharedSecret);
            return false;
        }
        finally
        {
            if (peer != 0)
                LibCrypto.EVP_PKEY_free(peer);
            if (context != 0)
                LibCrypto.EVP_PKEY_CTX_free(context);
            if (added)
                _key.DangerousRelease();
        }
    }

    /// <summary>Frees and clears the key.</summary>
    public void Dispose() => _key.Dispose();
}
