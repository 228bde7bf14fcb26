using System.Security.Cryptography;
using System.Text;
using Mesh.Protocol.Crypto;

namespace Mesh.Node.State;

/// <summary>Says what protects the private keys at rest.</summary>
enum WrappingSource
{
    /// <summary>A systemd credential named <c>mesh-wrapping-key</c>.</summary>
    Credential,

    /// <summary>A passphrase from a file or descriptor.</summary>
    Passphrase,

    /// <summary>A random key in a directory outside the state directory: it protects copies of the state, not against root.</summary>
    KeyFile,
}

/// <summary>Finds the key that private keys are wrapped with.</summary>
/// <param name="CredentialsDirectory">Where the service manager puts credentials (systemd.exec(5), <c>CREDENTIALS_DIRECTORY</c>).</param>
/// <param name="PassphraseFile">A file with a passphrase in it.</param>
/// <param name="KeyDirectory">Where the random key lies, or is made when it is first needed.</param>
sealed record WrappingKey(string? CredentialsDirectory, string? PassphraseFile, string KeyDirectory)
{
    /// <summary>The length of salts, in bytes.</summary>
    public const int SaltSize = 16;

    const string CredentialName = "mesh-wrapping-key";
    const string KeyFileName = "wrapping.key";
    const int KeySize = 32;

    // OWASP's figure for PBKDF2 with HMAC-SHA256: about half a second on a small machine, once per start.
    const int Iterations = 600_000;

    /// <summary>Gets the strongest source that this machine offers.</summary>
    public WrappingSource Preferred =>
        CredentialPath is { } path && File.Exists(path) ? WrappingSource.Credential
        : PassphraseFile is not null ? WrappingSource.Passphrase
        : WrappingSource.KeyFile;

    string? CredentialPath => CredentialsDirectory is null ? null : Path.Combine(CredentialsDirectory, CredentialName);

    string KeyFile => Path.Combine(KeyDirectory, KeyFileName);

    /// <summary>Prints a source as <c>status</c> shows it.</summary>
    public static string Name(WrappingSource source) => source switch
    {
        WrappingSource.Credential => "credential",
        WrappingSource.Passphrase => "passphrase",
        _ => "key-file",
    };

    /// <summary>Derives the 32-byte AES key from a source; the caller zeroes it.</summary>
    /// <exception cref="MeshFailureException">The source is not there, or open to others.</exception>
    public byte[] Derive(WrappingSource source, ReadOnlySpan<byte> salt)
    {
        var secret = ReadSecret(source);
        try
        {
            var key = GC.AllocateArray<byte>(KeySize, pinned: true);
            if (source == WrappingSource.Passphrase)
                KeyDerivation.Pbkdf2Sha256(secret.AsSpan().TrimEnd("\r\n"u8), salt, Iterations, key);
            else
                KeyDerivation.Hkdf(secret, salt, "mesh-identity-v1"u8, key);
            return key;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Makes the random key where it is the preferred source and does not exist.</summary>
    public void Prepare()
    {
        if (Preferred != WrappingSource.KeyFile || File.Exists(KeyFile))
            return;
        var key = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            Directory.CreateDirectory(KeyDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            AtomicFile.Write(KeyFile, Encoding.ASCII.GetBytes(Convert.ToBase64String(key) + "\n"), UnixFileMode.UserRead);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration,
                $"cannot make the wrapping key {KeyFile}: {failure.Message}; name another directory with --key-dir", failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    byte[] ReadSecret(WrappingSource source)
    {
        var secret = source switch
        {
            WrappingSource.Credential => SecretFile.Read(
                CredentialPath ?? throw Missing("the systemd credential mesh-wrapping-key", "LoadCredentialEncrypted=mesh-wrapping-key:... in its unit"),
                "systemd credential", checkMode: false),
            WrappingSource.Passphrase => SecretFile.Read(PassphraseFile ?? throw Missing("a passphrase", "--passphrase-file PATH"), "passphrase file"),
            _ => SecretFile.Read(KeyFile, "wrapping key"),
        };
        return secret.Length > 0
            ? secret
            : throw new MeshFailureException(ExitCodes.BadConfiguration, $"the {Name(source)} that protects the private keys is empty");
    }

    static MeshFailureException Missing(string what, string how) =>
        new(ExitCodes.BadConfiguration, $"the private keys are sealed with {what}, which is not there: start the daemon with {how}");
}
