using Mesh.Bench.Profile;

namespace Mesh.Bench.Load;

/// <summary>Says what a controller's processor time goes into, by where perf found it and on whose behalf.</summary>
static class ControllerShares
{
    const string Signing = "signing";
    const string Handshakes = "TLS handshakes";
    const string Records = "TLS records";
    const string Hashing = "hashing";
    const string Kernel = "kernel";
    const string Compiling = "compiling";
    const string Runtime = ".NET runtime";
    const string Rest = "other";

    // By functions that libcrypto and libssl export, whoever below them did the work. An own signature does not come by libssl.
    static readonly (string Share, string[] Callers)[] _native =
    [
        (Handshakes, ["SSL_do_handshake", "SSL_accept", "SSL_new", "SSL_free", "SSL_CTX_", "X509_", "d2i_", "i2d_", "EC_KEY_", "EVP_PKEY_verify", "ECDSA_"]),
        (Records, ["SSL_write", "SSL_read", "SSL_", "BIO_"]),
        (Signing, ["EVP_DigestSign", "EVP_DigestVerify", "EVP_PKEY_new_raw_", "EVP_PKEY_derive"]),
        (Hashing, ["EVP_Digest", "EVP_Q_digest", "EVP_MD_", "SHA256", "HMAC"]),
    ];

    static readonly (string Share, string[] Names)[] _managed =
    [
        (Hashing, ["Mesh.Protocol.Crypto.Sha256", "MerkleProofs", "MerkleTree", "SHA256"]),
        (Signing, ["DsseEnvelope", "Mesh.Protocol.Crypto.Ed25519", "HintRules"]),
        (Handshakes, ["X509", "CertificatePin", "Asn1", "System.Formats.Asn1"]),
        (Records, ["SslStream", "System.Net.Security"]),
        ("encoding", ["System.Text.Json", "EncodedBody", "EncodedPeer", "ProtocolJson", "Base64", "Mesh.Protocol.Map", "System.Text.Unicode"]),
        ("HTTP/2", ["Kestrel", "System.IO.Pipelines", "Mesh.Controller.Api", "System.Net.Sockets"]),
        ("policy text", ["YamlDotNet", "PolicyReader", "YamlPolicy"]),
        ("journal", ["Sqlite", "SQLite", "Npgsql", "Journal"]),
        ("view and sessions", ["Mesh.Actors", "System.Collections.Immutable"]),
    ];

    /// <summary>Gets the names of all shares, in the order of a table.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [Signing, Hashing, Handshakes, Records, "encoding", "HTTP/2", "policy text", "view and sessions", "journal", Kernel, Runtime, Compiling, Rest];

    /// <summary>Sums samples up by share, in percent of all.</summary>
    public static IReadOnlyDictionary<string, double> Sum(IReadOnlyList<PerfSample> samples) =>
        samples.GroupBy(Of).ToDictionary(group => group.Key, group => 100.0 * group.Count() / samples.Count);

    /// <summary>Names the share that a sample belongs to.</summary>
    public static string Of(PerfSample sample)
    {
        if (sample.Stack.Count == 0)
            return Rest;
        var (symbol, part) = sample.Stack[0];
        // What the kernel does for a thread is mostly its sockets: that is told from the rest.
        if (part.StartsWith("[kernel", StringComparison.Ordinal) || part.StartsWith("[guest", StringComparison.Ordinal))
            return Kernel;
        if (sample.Thread.StartsWith(".NET Tiered", StringComparison.Ordinal) || part.Contains("clrjit", StringComparison.Ordinal))
            return Compiling;
        foreach (var (share, callers) in _native)
        {
            if (sample.Stack.Any(frame => IsCrypto(frame.Object) && callers.Any(caller => frame.Symbol.StartsWith(caller, StringComparison.Ordinal))))
                return share;
        }
        if (part.Contains("sqlite", StringComparison.Ordinal))
            return "journal";
        foreach (var (share, names) in _managed)
        {
            if (names.Any(name => symbol.Contains(name, StringComparison.Ordinal)))
                return share;
        }
        return part.Contains("coreclr", StringComparison.Ordinal) ? Runtime : part.StartsWith("libssl", StringComparison.Ordinal) ? Records : Rest;
    }

    static bool IsCrypto(string part) =>
        part.StartsWith("libcrypto", StringComparison.Ordinal) || part.StartsWith("libssl", StringComparison.Ordinal);
}
