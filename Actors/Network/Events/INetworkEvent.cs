using Mesh.Actors.Persistence;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary>
/// Is something that happened to the network and stays true for ever. What is written once is readable for ever: a record's shape
/// never changes, a new shape is a new record with the next version in its manifest.
/// </summary>
public interface INetworkEvent : ICausedByCommand
{
    /// <summary>Gets who caused it: <c>admin:NAME</c>, <c>token:NAME</c>, <c>node:ID</c> or <c>system</c>.</summary>
    string By { get; }

    /// <summary>Gets when it was decided, by the deciding controller's clock.</summary>
    WallTime At { get; }
}
