using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mesh.Protocol.Crypto;

namespace Mesh.Node.State;

/// <summary>Is the layout of the identity file. The names are stable.</summary>
/// <param name="Format"><c>mesh-identity-v1</c>.</param>
/// <param name="Wrapping">The <see cref="WrappingKey.Name"/> of what it is sealed with.</param>
/// <param name="Salt">16 random bytes for the derivation of the wrapping key.</param>
/// <param name="Nonce">12 random bytes; the key is derived anew with a new salt at every write, so no nonce repeats under a key.</param>
/// <param name="Sealed">AES-256-GCM ciphertext of <see cref="NodeIdentity.Export"/> and the 16-byte tag.</param>
sealed record IdentityDocument(string Format, string Wrapping, byte[] Salt, byte[] Nonce, byte[] Sealed);

/// <summary>Keeps a node's private keys in one file, sealed with AES-256-GCM (NIST SP 800-38D) under the machine's wrapping key.</summary>
/// <param name="path">The file, mode 0600.</param>
/// <param name="wrapping">Where the wrapping key comes from.</param>
sealed class IdentityFile(string path, WrappingKey wrapping)
{
    const string Format = "mesh-identity-v1";

    /// <summary>Gets whether there is one.</summary>
    public bool Exists => File.Exists(path);

    /// <summary>Gets what the file was last read or written with; null before that.</summary>
    public WrappingSource? Source { get; private set; }

    /// <summary>Reads the keys, or makes and writes new ones where there are none.</summary>
    public NodeIdentity ReadOrCreate()
    {
        if (Exists)
            return Read();
        var identity = NodeIdentity.Create(SystemEntropy.Instance);
        Write(identity);
        return identity;
    }

    /// <summary>Reads the keys, and seals them anew where the machine now offers a better wrapping key than they are sealed with.</summary>
    /// <exception cref="MeshFailureException">The file is open to others, damaged, or sealed with a key that is not there.</exception>
    public NodeIdentity Read()
    {
        var content = SecretFile.Read(path, "identity file");
        if (!TryParse(content, out var document, out var source))
            throw Damaged();
        var key = wrapping.Derive(source, document.Salt);
        var keys = GC.AllocateArray<byte>(document.Sealed.Length - Aes256Gcm.TagSize, pinned: true);
        NodeIdentity identity;
        try
        {
            if (!Aes256Gcm.TryOpen(key, document.Nonce, document.Sealed, keys, AssociatedData(document)))
                throw new MeshFailureException(ExitCodes.BadConfiguration,
                    $"the identity file {path} does not open with this {WrappingKey.Name(source)}: restore the one it was sealed with, or remove {path} and enroll again with mesh up --auth-key");
            identity = NodeIdentity.Import(keys);
        }
        catch (CryptographicException failure)
        {
            throw Damaged(failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(keys);
        }
        Source = source;
        if (wrapping.Preferred < source)
            Write(identity);
        return identity;
    }

    /// <summary>Seals the keys with the strongest wrapping key that the machine offers.</summary>
    public void Write(NodeIdentity identity)
    {
        wrapping.Prepare();
        var source = wrapping.Preferred;
        var document = new IdentityDocument(
            Format, WrappingKey.Name(source), RandomNumberGenerator.GetBytes(WrappingKey.SaltSize), RandomNumberGenerator.GetBytes(Aes256Gcm.NonceSize), []);
        var key = wrapping.Derive(source, document.Salt);
        var keys = identity.Export();
        try
        {
            var cipher = new byte[keys.Length + Aes256Gcm.TagSize];
            Aes256Gcm.Seal(key, document.Nonce, keys, cipher, AssociatedData(document));
            document = document with { Sealed = cipher };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(keys);
        }
        AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(document, StateJson.Default.IdentityDocument), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Source = source;
    }

    /// <summary>Removes the keys.</summary>
    public void Delete()
    {
        AtomicFile.Delete(path);
        Source = null;
    }

    static bool TryParse(byte[] content, out IdentityDocument document, out WrappingSource source)
    {
        document = null!;
        source = default;
        try
        {
            if (JsonSerializer.Deserialize(content, StateJson.Default.IdentityDocument) is not { } read)
                return false;
            document = read;
        }
        catch (JsonException)
        {
            return false;
        }
        foreach (var candidate in (ReadOnlySpan<WrappingSource>)[WrappingSource.Credential, WrappingSource.Passphrase, WrappingSource.KeyFile])
        {
            if (document.Wrapping != WrappingKey.Name(candidate))
                continue;
            source = candidate;
            return document.Format == Format && document.Salt.Length == WrappingKey.SaltSize && document.Nonce.Length == Aes256Gcm.NonceSize && document.Sealed.Length > Aes256Gcm.TagSize;
        }
        return false;
    }

    // What is not secret is still not to be changed: a file cannot be made to open under another source.
    static byte[] AssociatedData(IdentityDocument document) => [.. Encoding.ASCII.GetBytes($"{document.Format}|{document.Wrapping}|"), .. document.Salt];

    MeshFailureException Damaged(Exception? cause = null) =>
        new(ExitCodes.BadConfiguration,
            $"the identity file {path} is damaged: restore it from a backup, or remove it and enroll again with mesh up --auth-key", cause);
}
