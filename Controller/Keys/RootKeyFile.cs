using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Controller.Keys;

/// <summary>
/// Reads and writes the file that holds the network root's private key: text, comment lines begin with <c>#</c>, then either
/// <code>
/// mesh-root-key-v1
/// BASE64(seed, 32 bytes)
/// </code>
/// or, under a passphrase,
/// <code>
/// mesh-root-key-encrypted-v1
/// pbkdf2-sha512 ITERATIONS BASE64(salt, 16 bytes)
/// BASE64(nonce, 12 bytes | AES-256-GCM ciphertext, 32 bytes | tag, 16 bytes)
/// </code>
/// The key of AES-256-GCM comes from PBKDF2 (RFC 8018 section 5.2); the first two lines, each with its line feed, are its
/// associated data.
/// </summary>
static class RootKeyFile
{
    const string Plain = "mesh-root-key-v1";
    const string Encrypted = "mesh-root-key-encrypted-v1";
    const string Derivation = "pbkdf2-sha512";
    const int SaltSize = 16;

    // OWASP's password storage advice for PBKDF2-HMAC-SHA512 is 210,000; the file is read about once a year, so more costs nobody.
    const int DefaultIterations = 600_000;
    const int MinimumIterations = 100_000;
    const int MaximumIterations = 100_000_000;

    /// <summary>Prints the file's text.</summary>
    /// <param name="key">The network root.</param>
    /// <param name="network">The network, for the reader of the file.</param>
    /// <param name="passphrase">Encrypts the key; null leaves it readable.</param>
    /// <param name="entropy">Gives salt and nonce.</param>
    /// <param name="iterations">The work of one guess.</param>
    public static string Print(
        SigningPrivateKey key, NetworkId network, byte[]? passphrase, Protocol.Time.IEntropy entropy, int iterations = DefaultIterations)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# The root key of the mesh network {network}. Whoever has it owns the network.\n");
        text.Append("# Keep it off this machine: daily work does not need it, the yearly renewal of a controller's delegation does.\n");
        if (passphrase is null)
            return text.Append(CultureInfo.InvariantCulture, $"{Plain}\n{key.ExportBase64()}\n").ToString();

        Span<byte> salt = stackalloc byte[SaltSize];
        entropy.Fill(salt);
        var head = Head(iterations, Convert.ToBase64String(salt));
        var box = new byte[Aes256Gcm.NonceSize + SecretKey.Size + Aes256Gcm.TagSize];
        entropy.Fill(box.AsSpan(0, Aes256Gcm.NonceSize));
        Span<byte> wrapping = stackalloc byte[32];
        KeyDerivation.Pbkdf2Sha512(passphrase, salt, iterations, wrapping);
        Aes256Gcm.Seal(wrapping, box.AsSpan(0, Aes256Gcm.NonceSize), key.Span, box.AsSpan(Aes256Gcm.NonceSize), Encoding.ASCII.GetBytes(head));
        CryptographicOperations.ZeroMemory(wrapping);
        return text.Append(head).Append(Convert.ToBase64String(box)).Append('\n').ToString();
    }

    /// <summary>Reads a file that is at hand for one command.</summary>
    /// <exception cref="CommandException">It is not there, can be read by others, is none, or the passphrase is missing or wrong.</exception>
    public static SigningPrivateKey Read(string path, byte[]? passphrase)
    {
        if (!File.Exists(path))
            throw new CommandException(ExitCode.BadInput, $"there is no file {path}");
        var content = PrivateFile.Read(path);
        try
        {
            return Parse(Encoding.UTF8.GetString(content), passphrase, path);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>Reads the file's text; <paramref name="name"/> begins every error.</summary>
    /// <exception cref="CommandException">It is no root key file, or the passphrase is missing or wrong.</exception>
    public static SigningPrivateKey Parse(string text, byte[]? passphrase, string name)
    {
        var lines = text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToArray();
        return lines switch
        {
            [Plain, var seed] when TryDecode(seed, SecretKey.Size, out var bytes) => Take(bytes),
            [Encrypted, var derivation, var box] => Decrypt(derivation, box, passphrase, name),
            _ => throw new CommandException(ExitCode.BadConfiguration, $"{name} is not a root key file, or it is damaged: restore it"),
        };
    }

    static SigningPrivateKey Decrypt(string derivation, string boxText, byte[]? passphrase, string name)
    {
        if (derivation.Split(' ') is not [Derivation, var count, var saltText]
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations is < MinimumIterations or > MaximumIterations
            || !TryDecode(saltText, SaltSize, out var salt) || !TryDecode(boxText, Aes256Gcm.NonceSize + SecretKey.Size + Aes256Gcm.TagSize, out var box))
            throw new CommandException(ExitCode.BadConfiguration, $"{name} is not a root key file, or it is damaged: restore it");
        if (passphrase is null)
            throw new CommandException(ExitCode.BadConfiguration, $"{name} is encrypted: give its passphrase with --root-passphrase-file");
        Span<byte> wrapping = stackalloc byte[32];
        Span<byte> seed = stackalloc byte[SecretKey.Size];
        try
        {
            KeyDerivation.Pbkdf2Sha512(passphrase, salt, iterations, wrapping);
            return Aes256Gcm.TryOpen(wrapping, box.AsSpan(0, Aes256Gcm.NonceSize), box.AsSpan(Aes256Gcm.NonceSize), seed, Encoding.ASCII.GetBytes(Head(iterations, saltText)))
                ? new SigningPrivateKey(seed)
                : throw new CommandException(ExitCode.BadConfiguration, $"the passphrase does not open {name}, or the file is damaged");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wrapping);
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    static string Head(int iterations, string salt) =>
        string.Create(CultureInfo.InvariantCulture, $"{Encrypted}\n{Derivation} {iterations} {salt}\n");

    static SigningPrivateKey Take(byte[] seed)
    {
        var key = new SigningPrivateKey(seed);
        CryptographicOperations.ZeroMemory(seed);
        return key;
    }

    static bool TryDecode(string text, int size, out byte[] bytes)
    {
        bytes = new byte[size + 3];
        if (!Convert.TryFromBase64String(text, bytes, out var written) || written != size)
            return false;
        bytes = bytes[..size];
        return true;
    }
}
