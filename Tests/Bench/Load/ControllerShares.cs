namespace Mesh.Bench.Load;

/// <summary>Says what a controller's processor time goes into, by the names that perf gives.</summary>
static class ControllerShares
{
    static readonly (string Share, string[] Names)[] _symbols =
    [
        ("signing", ["x25519", "ed25519", "ge_", "fe51", "fe_", "sc_muladd", "DsseEnvelope", "Mesh.Protocol.Crypto.Ed25519"]),
        ("hashing", ["sha256", "Sha256", "MerkleProofs", "MerkleTree"]),
        ("TLS handshakes", ["ecp_nistz256", "EC_", "ec_", "BN_", "bn_", "x509", "X509", "ASN1", "asn1", "sha512", "RSA", "OPENSSL_sk", "Certificate"]),
        ("TLS records", ["aes", "gcm", "chacha", "poly1305", "SslStream", "ssl3_", "tls13_", "tls1", "SSL_", "BIO_", "EVP_", "Ssl"]),
        ("encoding", ["System.Text.Json", "EncodedBody", "EncodedPeer", "ProtocolJson", "Base64", "Mesh.Protocol.Map"]),
        ("HTTP/2", ["Http2", "Kestrel", "System.IO.Pipelines", "Hpack", "HPack"]),
        ("view and sessions", ["Mesh.Actors", "Immutable"]),
        ("journal", ["sqlite", "Sqlite", "Npgsql", "Journal"]),
        ("garbage collection", ["gc_heap", "WKS::", "SVR::", "GCHeap", "mark_object"]),
    ];

    /// <summary>Names the share that a sample belongs to.</summary>
    public static string Of(string part, string symbol)
    {
        foreach (var (share, names) in _symbols)
        {
            if (names.Any(name => symbol.Contains(name, StringComparison.Ordinal)))
                return share;
        }
        return part switch
        {
            _ when part.StartsWith("[kernel", StringComparison.Ordinal) || part.StartsWith("[guest", StringComparison.Ordinal) => "kernel (sockets, scheduling)",
            _ when part.StartsWith("libssl", StringComparison.Ordinal) => "TLS records",
            _ when part.StartsWith("libcrypto", StringComparison.Ordinal) => "libcrypto, other",
            _ when part.Contains("coreclr", StringComparison.Ordinal) || part.Contains("clrjit", StringComparison.Ordinal) => ".NET runtime",
            _ when part.Contains("sqlite", StringComparison.Ordinal) => "journal",
            _ => "other managed code and libraries",
        };
    }
}
