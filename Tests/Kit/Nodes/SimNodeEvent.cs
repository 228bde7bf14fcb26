using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Kit.Nodes;

/// <summary>Says what a <see cref="SimNodeEvent"/> is about.</summary>
public enum SimNodeEventKind
{
    /// <summary>A controller let the node's stream in.</summary>
    Attached,

    /// <summary>A map was taken in; the event has epoch and revision, and <see cref="SimNodeEvent.Detail"/> says <c>full</c>, <c>delta</c> or <c>renewal</c>.</summary>
    MapTaken,

    /// <summary>A map was taken in that says that the node was removed; the detail is the reason.</summary>
    Removed,

    /// <summary>A map was not believed; the detail is the <see cref="Mesh.Protocol.Trust.TrustRefusal"/>.</summary>
    MapRefused,

    /// <summary>The acknowledgement of a revision was handed to the connection.</summary>
    Acknowledged,

    /// <summary>A controller said whether a peer is online.</summary>
    PeerPresence,

    /// <summary>A controller did not let the node in, or could not be reached; the detail says why.</summary>
    AttachFailed,

    /// <summary>The stream is over; the detail is the reason that the controller gave, or what broke.</summary>
    Lost,
}

/// <summary>Is something that happened at a simulated node.</summary>
/// <param name="Node">The node.</param>
/// <param name="Kind">What.</param>
/// <param name="At">When, by the machine's clock.</param>
/// <param name="Ticks">When, by <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>.</param>
/// <param name="Controller">The address of the controller.</param>
/// <param name="Epoch">The epoch of a map.</param>
/// <param name="Revision">The revision of a map.</param>
/// <param name="Bytes">The length of the line that brought it.</param>
/// <param name="Peer">The peer that presence is about.</param>
/// <param name="Online">Whether that peer is online.</param>
/// <param name="Issued">When presence was signed.</param>
/// <param name="Detail">See <see cref="SimNodeEventKind"/>.</param>
public readonly record struct SimNodeEvent(
    SimNode Node, SimNodeEventKind Kind, WallTime At, long Ticks, string? Controller, int Epoch = 0, long Revision = 0, int Bytes = 0,
    NodeId Peer = default, bool Online = false, WallTime Issued = default, string? Detail = null);

/// <summary>Counts what a simulated node received since it was made.</summary>
/// <param name="Bytes">The bytes of all lines, line feeds included.</param>
/// <param name="MapBytes">The bytes of lines that bring a map.</param>
/// <param name="Maps">Lines that bring a map.</param>
/// <param name="Hints">Lines that bring a hint.</param>
/// <param name="Attaches">How often it attached.</param>
public readonly record struct SimNodeCounters(long Bytes, long MapBytes, int Maps, int Hints, int Attaches);
