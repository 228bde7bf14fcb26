using System.Text.Json.Serialization;

namespace Mesh.Node.Local;

/// <summary>Says what a program is: <c>mesh version --json</c>.</summary>
sealed record VersionDocument(string Version, string Runtime, string Platform);

/// <summary>Asks the daemon to join a network, or, without a credential, to bring up one that it belongs to.</summary>
/// <param name="Credential">The credential's text.</param>
/// <param name="Hostname">The name to wish for; absent: the machine's own.</param>
/// <param name="TimeoutSeconds">How long the whole may take.</param>
/// <param name="ForceReauth">Joins again with the credential although the machine belongs to the network.</param>
sealed record UpRequest(string? Credential, string? Hostname, double TimeoutSeconds, bool ForceReauth = false);

/// <summary>Says what <c>up</c> came to.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Network">The network's id.</param>
/// <param name="Addresses">The node's overlay addresses.</param>
/// <param name="Enrolled">Whether this call joined; false where the node belonged to the network already.</param>
/// <param name="Waits">Whether it has no peers before an admin approves it.</param>
/// <param name="Expired">Whether it has none before it joins again.</param>
sealed record UpReply(string Name, string Network, IReadOnlyList<string> Addresses, bool Enrolled, bool Waits = false, bool Expired = false);

/// <summary>Says what was done.</summary>
/// <param name="Message">One line for people; empty where there is nothing to say.</param>
sealed record DoneReply(string Message);

/// <summary>Says which key the node has now: also <c>mesh rotate-keys --json</c>.</summary>
/// <param name="FormerKey">The WireGuard key that it had.</param>
/// <param name="PublicKey">The one that it has.</param>
/// <param name="SessionsGoOn">Whether sessions were taken along; else they are agreed anew.</param>
sealed record RotationReply(string FormerKey, string PublicKey, bool SessionsGoOn);

/// <summary>Says why a request failed.</summary>
/// <param name="Message">One line that says what is wrong and what to do.</param>
/// <param name="ExitCode">The exit code for the command line.</param>
sealed record LocalProblem(string Message, int ExitCode);

/// <summary>
/// Is what the daemon says of itself: <c>GET /v1/status</c> and <c>mesh status --json</c>. Absent values are left out; the names
/// are stable.
/// </summary>
/// <param name="Version">The daemon's version.</param>
/// <param name="BackendState"><c>NeedsLogin</c>, <c>NeedsMachineAuth</c> (waits for approval), <c>Stopped</c>, <c>Starting</c> or <c>Running</c>.</param>
/// <param name="Interface">The network interface.</param>
/// <param name="ListenPort">The UDP port in use; 0 while there is none.</param>
/// <param name="Network">The network's id.</param>
/// <param name="MagicDNSSuffix">The zone that names live in.</param>
/// <param name="Epoch">The epoch of the map in force.</param>
/// <param name="Revision">The revision of the map in force.</param>
/// <param name="ValidUntil">The last moment at which the map may be acted on.</param>
/// <param name="Controller">The controller the node is attached to; absent while it is attached to none.</param>
/// <param name="KeyWrapping">What protects the private keys at rest: <c>credential</c>, <c>passphrase</c> or <c>key-file</c>.</param>
/// <param name="Self">The node itself.</param>
/// <param name="Peers">The nodes it may know of, by name.</param>
/// <param name="Health">What is not as it should be, one line each.</param>
/// <param name="Drops">Packets dropped, by reason; reasons that never happened are left out.</param>
sealed record StatusDocument(
    string Version,
    string BackendState,
    string Interface,
    int ListenPort,
    string? Network,
    string? MagicDNSSuffix,
    int Epoch,
    long Revision,
    DateTimeOffset? ValidUntil,
    string? Controller,
    string? KeyWrapping,
    NodeDocument? Self,
    IReadOnlyList<NodeDocument> Peers,
    IReadOnlyList<string> Health,
    IReadOnlyDictionary<string, long> Drops)
{
    /// <summary>
    /// The newest head of the controllers' audit chain that this node vouches for, <c>ORDERING:COUNT:DIGEST</c>: what
    /// <c>mesh-controller audit verify --head</c> compares with.
    /// </summary>
    public string? AuditHead { get; init; }

    /// <summary>What carries the packets; absent while nothing does.</summary>
    public TunnelDocument? Tunnel { get; init; }
}

/// <summary>Describes a node in <see cref="StatusDocument"/>.</summary>
/// <param name="ID">Its id.</param>
/// <param name="HostName">Its name.</param>
/// <param name="DNSName">Its name in the zone.</param>
/// <param name="Owner">The user it belongs to, or its tags.</param>
/// <param name="OS">Its operating system.</param>
/// <param name="Addresses">Its overlay addresses, IPv4 first.</param>
/// <param name="PublicKey">Its WireGuard key.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="CurAddr">Where its packets go now; absent: nowhere yet.</param>
/// <param name="RxBytes">Bytes received from it.</param>
/// <param name="TxBytes">Bytes sent to it.</param>
/// <param name="LastHandshake">When keys were last agreed.</param>
/// <param name="LastSeen">When a controller last heard of it.</param>
/// <param name="Online">Whether it is attached to a controller, as far as is known.</param>
/// <param name="Active">Whether its session is live.</param>
/// <param name="Suite">The cipher suite of its session, <c>chacha20-poly1305</c> or <c>aes-256-gcm</c>; absent while there is none.</param>
/// <param name="SuiteFellBack">True where it left handshakes of a better suite unanswered, so that plain ones are sent; else absent.</param>
/// <param name="Expired">True where it must join again before anybody talks to it; else absent.</param>
/// <param name="KeyExpiry">When this node must join again; absent: never, or another node.</param>
sealed record NodeDocument(
    string ID,
    string HostName,
    string? DNSName,
    string? Owner,
    string? OS,
    IReadOnlyList<string> Addresses,
    string? PublicKey,
    IReadOnlyList<string> Tags,
    string? CurAddr,
    long RxBytes,
    long TxBytes,
    DateTimeOffset? LastHandshake,
    DateTimeOffset? LastSeen,
    bool? Online,
    bool Active,
    string? Suite = null,
    bool? SuiteFellBack = null,
    bool? Expired = null,
    DateTimeOffset? KeyExpiry = null);

/// <summary>Is one line of <c>mesh ping --json</c>.</summary>
sealed record PongDocument(string Name, string Address, int Sequence, bool Reply, double? Milliseconds, string? Via);

/// <summary>Is what <c>mesh bench-crypto --json</c> prints. One thread; the best of many short slices.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="PacketSize">The payload of the packets, in bytes.</param>
/// <param name="Seconds">How long each figure was measured.</param>
/// <param name="Features">The processor's instruction sets that ciphers gain from.</param>
/// <param name="AesHardware">Whether AES-256-GCM is made of instructions.</param>
/// <param name="AesLibrary">The library that does AES-256-GCM for packets.</param>
/// <param name="Ciphers">One entry per suite.</param>
/// <param name="X25519PerSecond">Key agreements per second.</param>
/// <param name="Announced">The suites that this machine announces beside plain WireGuard, unless it is configured otherwise.</param>
/// <param name="Chosen">The suite of sessions with a peer that announces the same.</param>
sealed record CryptoBenchDocument(
    string Version,
    int PacketSize,
    double Seconds,
    IReadOnlyList<string> Features,
    bool AesHardware,
    string AesLibrary,
    IReadOnlyList<CipherBenchDocument> Ciphers,
    double X25519PerSecond,
    IReadOnlyList<string> Announced,
    string Chosen);

/// <summary>Is one suite's part of a measurement: nanoseconds per packet, 10^9 bytes of payload and whole handshakes per second.</summary>
sealed record CipherBenchDocument(
    string Suite, double SealNanoseconds, double SealGigabytes, double OpenNanoseconds, double OpenGigabytes, double HandshakesPerSecond);

/// <summary>Describes the documents of the local API by source generation.</summary>
[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true,
    Converters = [typeof(JsonStringEnumConverter<ActorActivity>)])]
[JsonSerializable(typeof(VersionDocument))]
[JsonSerializable(typeof(UpRequest))]
[JsonSerializable(typeof(UpReply))]
[JsonSerializable(typeof(DoneReply))]
[JsonSerializable(typeof(RotationReply))]
[JsonSerializable(typeof(LocalProblem))]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(DeviceDocument))]
[JsonSerializable(typeof(ActorReport))]
[JsonSerializable(typeof(PongDocument))]
[JsonSerializable(typeof(CryptoBenchDocument))]
sealed partial class LocalJson : JsonSerializerContext;
