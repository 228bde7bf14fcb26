using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Protocol.Control;

/// <summary>
/// Is one line that a controller sends down a node's control stream: newline-delimited JSON on the response of
/// <c>POST /v1/stream</c>. Exactly one member is present; a node skips a line whose members it does not know.
/// </summary>
/// <param name="Map">A change of the map.</param>
/// <param name="Hint">A signed <see cref="EndpointHint"/> or <see cref="PresenceHint"/>.</param>
/// <param name="Delegation">A signed delegation of a controller that the node may meet.</param>
/// <param name="Ping">Asks for a sign of life; answered by <see cref="UpFrame.Pong"/> with the same number.</param>
/// <param name="Close">Says why the stream ends: <c>revoked</c>, <c>logged-out</c>, <c>stopping</c>, <c>replaced</c>, <c>copied</c> (another
/// machine lives with this node's identity: this one waits a while before it comes again).</param>
/// <param name="Hints">Several of what <paramref name="Hint"/> brings one of.</param>
/// <param name="Audit">Answers <see cref="AttachFrame.Audit"/>.</param>
public sealed record DownFrame(
    MapFrame? Map = null,
    DsseEnvelope? Hint = null,
    DsseEnvelope? Delegation = null,
    long? Ping = null,
    string? Close = null,
    IReadOnlyList<DsseEnvelope>? Hints = null,
    AuditFrame? Audit = null);

/// <summary>
/// Is one line that a node sends up its control stream: newline-delimited JSON in the request body of <c>POST /v1/stream</c>.
/// The first line carries <see cref="Attach"/>. Exactly one member is present.
/// </summary>
/// <param name="Attach">Opens the stream.</param>
/// <param name="Ack">Says which body the node acts on now.</param>
/// <param name="Hint">A signed <see cref="EndpointHint"/> of the node itself.</param>
/// <param name="Refused">Says why the node did not take a map frame.</param>
/// <param name="Pong">Answers <see cref="DownFrame.Ping"/>.</param>
public sealed record UpFrame(
    AttachFrame? Attach = null,
    AckFrame? Ack = null,
    DsseEnvelope? Hint = null,
    string? Refused = null,
    long? Pong = null);

/// <summary>Opens a control stream.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Os">The operating system, as shown to people.</param>
/// <param name="Hostname">The machine's own name.</param>
/// <param name="Epoch">The epoch of the body that the node has; 0 without one.</param>
/// <param name="Revision">The newest revision that the node has taken in; 0 without one.</param>
/// <param name="BodyHash">The hash of the body that the node has.</param>
/// <param name="Suites">The transport suites that this machine is good at, beside plain WireGuard.</param>
/// <param name="Audit">The newest head of the audit chain that the node vouches for; absent without one.</param>
/// <param name="TunnelKey">The WireGuard key that the node has; absent while it changes it.</param>
public sealed record AttachFrame(
    string Version,
    string Os,
    string Hostname,
    int Epoch,
    long Revision,
    Digest256? BodyHash = null,
    IReadOnlyList<string>? Suites = null,
    AuditHead? Audit = null,
    TunnelPublicKey? TunnelKey = null);

/// <summary>Carries a signed <see cref="AuditAnswer"/> with the delegation of its signer: it is judged also where no map was believed.</summary>
public sealed record AuditFrame(DsseEnvelope Answer, DsseEnvelope Delegation);

/// <summary>Says which body a node acts on: rules and peers are in force, not only received.</summary>
public sealed record AckFrame(int Epoch, long Revision, Digest256 BodyHash);

/// <summary>Names the headers of <c>POST /v1/stream</c>.</summary>
public static class ControlHeaders
{
    /// <summary>Text that the node's program draws at its start, so that two machines with one identity are told apart.</summary>
    public const string Instance = "Mesh-Instance";
}
