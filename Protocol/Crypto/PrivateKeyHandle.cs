using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>Owns one libcrypto private key; libcrypto clears the secret when it frees the key. Safe for concurrent use.</summary>
sealed unsafe class PrivateKeyHandle : SafeHandle
{
    /// <summary>Creates an empty handle.</summary>
    public PrivateKeyHandle() : base(0, ownsHandle: true) { }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Imports the raw form of a key; this also computes the public key.</summary>
    public static PrivateKeyHandle Import(int type, ReadOnlySpan<byte> privateKey)
    {
        var key = new PrivateKeyHandle();
        fixed (byte* bytes = privateKey)
            key.SetHandle(LibCrypto.EVP_PKEY_new_raw_private_key(type, 0, bytes, (nuint)privateKey.Length));
        LibCrypto.Require(!key.IsInvalid, "EVP_PKEY_new_raw_private_key");
        return key;
    }

    /// <summary>Writes the 32-byte public key.</summary>
    public void ExportPublicKey(Span<byte> publicKey)
    {
        if (publicKey.Length != 32)
            throw new CryptographicException("a public key is 32 bytes");
        var length = (nuint)32;
        fixed (byte* output = publicKey)
        {
            var added = false;
            try
            {
                DangerousAddRef(ref added);
                LibCrypto.Require(LibCrypto.EVP_PKEY_get_raw_public_key(handle, output, &length) == 1, "EVP_PKEY_get_raw_public_key");
            }
            finally
            {
                if (added)
                    DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_PKEY_free(handle);
        return true;
    }
}
