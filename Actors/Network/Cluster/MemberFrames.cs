using System.Text.Json.Serialization;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Cluster;

/// <summary>
/// Is one line between two controllers: newline-delimited JSON both ways on <c>POST /internal/v1/link</c>. At first each side sends every
/// node that is attached to it and then <see cref="Whole"/>; from there on what changes. All of it may be lost: it says early what the
/// journal, the nodes themselves and the next link say anyway. What a line does not know is skipped.
/// </summary>
/// <param name="Here">Nodes that are attached to the sender.</param>
/// <param name="Left">Nodes that are no longer attached to the sender.</param>
/// <param name="Acks">Which revision nodes act on.</param>
/// <param name="Seen">When nodes were last heard of.</param>
/// <param name="Hints">Endpoint hints, signed by the nodes that they speak of.</param>
/// <param name="Whole">Ends the state at the start: who was not named since the link came up is not attached to the sender.</param>
public sealed record MemberFrame(
    IReadOnlyList<NodeHere>? Here = null,
    IReadOnlyList<NodeLeft>? Left = null,
    IReadOnlyList<NodeAck>? Acks = null,
    IReadOnlyList<NodeSeen>? Seen = null,
    IReadOnlyList<DsseEnvelope>? Hints = null,
    bool? Whole = null)
{
    /// <summary>The most nodes that a line speaks of.</summary>
    public const int MaximumNodes = 64;

    /// <summary>The greatest length of a line, in bytes, line feed included.</summary>
    public const int MaximumLine = 1 << 20;
}

/// <summary>Says that a node is attached to the sender.</summary>
/// <param name="Node">The node.</param>
/// <param name="AttachedAt">Since when; of two controllers that both say so, the later knows more.</param>
/// <param name="SeenAt">When it was last heard of.</param>
/// <param name="Revision">The newest revision that it acknowledged.</param>
/// <param name="Os">The operating system as it reported it.</param>
/// <param name="Version">The program's version as it reported it.</param>
/// <param name="Hint">Where it may be reached, signed by itself.</param>
public sealed record NodeHere(
    NodeId Node, WallTime AttachedAt, WallTime SeenAt, long Revision, string? Os = null, string? Version = null, DsseEnvelope? Hint = null);

/// <summary>Says that a node's stream has ended that began at <paramref name="AttachedAt"/> or before.</summary>
public sealed record NodeLeft(NodeId Node, WallTime AttachedAt, WallTime SeenAt);

/// <summary>Says which revision a node acts on.</summary>
public sealed record NodeAck(NodeId Node, long Revision);

/// <summary>Says when a node was last heard of.</summary>
public sealed record NodeSeen(NodeId Node, WallTime At);

/// <summary>Describes what crosses between controllers, by source generation, in the style of <see cref="Mesh.Protocol.ProtocolJson"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(WallTimeJsonConverter)],
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(MemberFrame))]
public sealed partial class ClusterJson : JsonSerializerContext;
