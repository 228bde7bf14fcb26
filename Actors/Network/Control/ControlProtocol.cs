using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

/// <summary>Holds the messages that <see cref="ControlLink"/> answers.</summary>
public static class ControlProtocol
{
    /// <summary>Asks for a <see cref="ControlStatus"/>. What is no longer valid is closed before the answer is given.</summary>
    public sealed record GetStatus
    {
        /// <summary>Gets the one there is.</summary>
        public static GetStatus Instance { get; } = new();
    }

    /// <summary>Asks to judge validity now, as the actor's own timer does; answered with nothing.</summary>
    public sealed record CheckValidity
    {
        /// <summary>Gets the one there is.</summary>
        public static CheckValidity Instance { get; } = new();
    }
}

/// <summary>Says how a node stands with its controllers. Immutable.</summary>
/// <param name="Trust">What it believes.</param>
/// <param name="InForce">Whether that is in force: peers are open.</param>
/// <param name="Controller">The controller that it is attached to; null: none.</param>
/// <param name="Presence">What controllers say of the peers' presence.</param>
/// <param name="Health">What is not as it should be, one line each.</param>
public sealed record ControlStatus(
    MapTrust Trust,
    bool InForce,
    string? Controller,
    IReadOnlyDictionary<NodeId, Presence> Presence,
    IReadOnlyList<string> Health)
{
    /// <summary>Gets whether the controller has said since the node attached what its map is: it has read what the node said of itself.</summary>
    public bool IsHeard { get; init; }
}

/// <summary>Says whether a node was attached to a controller, and when it was last heard of.</summary>
public sealed record Presence(bool Online, WallTime LastSeen, WallTime Expires);

/// <summary>Is what a <see cref="ControlLink"/> needs to know and to use. Immutable.</summary>
public sealed record ControlLinkSetup
{
    /// <summary>Gets the way to controllers.</summary>
    public required IControlTransport Transport { get; init; }

    /// <summary>Gets what puts maps in force.</summary>
    public required INetworkSink Sink { get; init; }

    /// <summary>Gets what is kept.</summary>
    public required INetworkMemory Memory { get; init; }

    /// <summary>Gets where this machine may be reached.</summary>
    public required IOwnEndpoints Endpoints { get; init; }

    /// <summary>Gets the key that signs the node's own hints.</summary>
    public required SigningPrivateKey Identity { get; init; }

    /// <summary>Gets the controllers to try beside those that the map names: <c>host:port</c>.</summary>
    public required IReadOnlyList<string> Controllers { get; init; }

    /// <summary>Gets the program's version.</summary>
    public required string Version { get; init; }

    /// <summary>Gets the names of the transport suites that are announced beside plain WireGuard.</summary>
    public IReadOnlyList<string> Suites { get; init; } = [];

    /// <summary>Gets what gives the tunnel key that the node has; null while it changes it.</summary>
    public Func<TunnelPublicKey?> TunnelKey { get; init; } = static () => null;

    /// <summary>Gets the operating system, as shown to people.</summary>
    public required string Os { get; init; }

    /// <summary>Gets the machine's own name.</summary>
    public required string Hostname { get; init; }

    /// <summary>Gets the wall clock that validity is judged by.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gets the source of jitter.</summary>
    public Random Jitter { get; init; } = Random.Shared;
}
